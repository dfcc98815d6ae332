variable "name" {
  description = "Name of everything that is made. Registry and buckets share theirs with all customers of a region: choose one of your own."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,40}$", var.name))
    error_message = "name begins with a letter and has 3 to 41 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  description = "Environment of Rowhouse that the cluster is for: dev, staging or prod."
  type        = string
  default     = "prod"
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "fr-par"
}

variable "zones" {
  description = "Zones of that region, each with nodes of its own."
  type        = list(string)
  default     = ["fr-par-1", "fr-par-2", "fr-par-3"]

  validation {
    condition     = length(var.zones) > 1 && alltrue([for zone in var.zones : startswith(zone, "${var.region}-")])
    error_message = "zones are several of the region, such as fr-par-1 and fr-par-2."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes; patches are installed by themselves, on Tuesday nights."
  type        = string
  default     = "1.34"
}

variable "node_type" {
  description = "Type of every node."
  type        = string
  default     = "PRO2-XXS"
}

variable "nodes_per_zone" {
  description = "Nodes of a zone: as few as this, and three times as many when pods find no room."
  type        = number
  default     = 1
}
