# What the infrastructure tells the inventory, and nothing else: no provider is needed to look at it.
variable "cluster" {
  description = "Name of the cluster."
  type        = string
}

variable "environment" {
  description = "Environment of Rowhouse."
  type        = string
}

variable "registry" {
  description = "Registry with its namespace, HOST/NAMESPACE."
  type        = string
}

variable "bucket" {
  description = "Bucket for objects of the API."
  type        = string
}

variable "region" {
  description = "Region of the bucket."
  type        = string
}

output "inventory" {
  description = "YAML, by the names that the roles have."
  value = yamlencode({
    stack_environment   = var.environment
    stack_context       = "admin@${var.cluster}"
    stack_push_registry = var.registry
    stack_pull_registry = var.registry
    stack_pull_secret   = "registry-login"

    api_service_type = "LoadBalancer"

    api_object_store_endpoint = "https://s3.${var.region}.scw.cloud"
    api_object_store_bucket   = var.bucket
    api_object_store_region   = var.region
    # A NetworkPolicy knows no names, and the addresses of an object store change: all but those of the cluster's own networks.
    api_object_store_peers = [{ ipBlock = { cidr = "0.0.0.0/0", except = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] } }]
  })
}
