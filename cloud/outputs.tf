module "vars" {
  source = "./vars"

  cluster     = scaleway_k8s_cluster.cluster.name
  environment = var.environment
  registry    = scaleway_registry_namespace.images.endpoint
  bucket      = scaleway_object_bucket.objects.name
  region      = var.region
}

output "inventory" {
  description = "Variables of the inventory, for inventory/group_vars/all/cloud.yml."
  value       = module.vars.inventory
}

output "registry" {
  description = "Registry with its namespace."
  value       = scaleway_registry_namespace.images.endpoint
}

output "kubeconfig" {
  description = "Login of the administrator."
  value       = scaleway_k8s_cluster.cluster.kubeconfig[0].config_file
  sensitive   = true
}

output "api_object_store_keys" {
  description = "For secrets.yml of the inventory."
  sensitive   = true
  value = {
    api_object_store_access_key = scaleway_iam_api_key.user["objects"].access_key
    api_object_store_secret_key = scaleway_iam_api_key.user["objects"].secret_key
  }
}

output "registry_password" {
  description = "With the user nologin, what the nodes pull by."
  value       = scaleway_iam_api_key.user["pull"].secret_key
  sensitive   = true
}
