terraform {
  required_version = ">= 1.8"

  required_providers {
    scaleway = {
      source  = "scaleway/scaleway"
      version = "~> 2.57"
    }
  }

  # Which bucket: backend.hcl. The folder state/ makes it.
  backend "s3" {}
}

# Login and project come from SCW_ACCESS_KEY, SCW_SECRET_KEY and SCW_DEFAULT_PROJECT_ID.
provider "scaleway" {
  region = var.region
  zone   = var.zones[0]
}
