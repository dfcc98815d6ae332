resource "scaleway_vpc_private_network" "cluster" {
  name = var.name
}

# Its control plane is run by the cloud.
resource "scaleway_k8s_cluster" "cluster" {
  name               = var.name
  version            = var.kubernetes_version
  cni                = "cilium" # enforces NetworkPolicies
  private_network_id = scaleway_vpc_private_network.cluster.id
  # Volumes and load balancers that Kubernetes made hold data and addresses: they go by hand.
  delete_additional_resources = false

  auto_upgrade {
    enable                        = true
    maintenance_window_day        = "tuesday"
    maintenance_window_start_hour = 2
  }
}

# A zone that is lost takes one of the pools with it.
resource "scaleway_k8s_pool" "zone" {
  for_each = toset(var.zones)

  cluster_id  = scaleway_k8s_cluster.cluster.id
  name        = each.value
  zone        = each.value
  node_type   = var.node_type
  size        = var.nodes_per_zone
  min_size    = var.nodes_per_zone
  max_size    = 3 * var.nodes_per_zone
  autoscaling = true
  autohealing = true

  lifecycle {
    # The autoscaler's.
    ignore_changes = [size]
  }
}

resource "scaleway_registry_namespace" "images" {
  name      = var.name
  is_public = false
}

resource "scaleway_object_bucket" "objects" {
  name = "${var.name}-objects"

  versioning {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Whom the pods are to the object store, and the nodes to the registry: each with no more rights than it needs.
resource "scaleway_iam_application" "user" {
  for_each = local.permissions

  name = "${var.name}-${each.key}"
}

resource "scaleway_iam_policy" "user" {
  for_each = local.permissions

  name           = "${var.name}-${each.key}"
  application_id = scaleway_iam_application.user[each.key].id

  rule {
    project_ids          = [scaleway_registry_namespace.images.project_id]
    permission_set_names = each.value
  }
}

resource "scaleway_iam_api_key" "user" {
  for_each = local.permissions

  application_id     = scaleway_iam_application.user[each.key].id
  default_project_id = scaleway_registry_namespace.images.project_id
}

locals {
  permissions = {
    objects = ["ObjectStorageObjectsRead", "ObjectStorageObjectsWrite", "ObjectStorageObjectsDelete"]
    pull    = ["ContainerRegistryReadOnly"]
  }
}
