# The bucket for the state of the folder above: made once, by hand, as nothing can keep its state in a bucket that is not there yet.
terraform {
  required_version = ">= 1.8"

  required_providers {
    scaleway = {
      source  = "scaleway/scaleway"
      version = "~> 2.57"
    }
  }
}

variable "bucket" {
  description = "Name of the bucket, as in ../backend.hcl."
  type        = string
}

variable "region" {
  description = "Region of the bucket."
  type        = string
  default     = "fr-par"
}

provider "scaleway" {
  region = var.region
}

resource "scaleway_object_bucket" "state" {
  name = var.bucket

  # Every state that there was: the way back from a broken one.
  versioning {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}
