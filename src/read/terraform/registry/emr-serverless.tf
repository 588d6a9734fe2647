# terraform-aws-modules/emr/aws//modules/serverless: an application. Without a label the module looks the newest one up.

variable "create" {
  default = true
}

variable "tags" {
  default = {}
}

variable "name" {
  default = ""
}

variable "type" {
  default = "spark"
}

variable "release_label" {
  default = null
}

variable "architecture" {
  default = null
}

variable "auto_start_configuration" {
  default = {}
}

variable "auto_stop_configuration" {
  default = {}
}

variable "image_configuration" {
  default = {}
}

variable "initial_capacity" {
  default = {}
}

variable "maximum_capacity" {
  default = {}
}

variable "network_configuration" {
  default = {}
}

resource "aws_emrserverless_application" "this" {
  count         = var.create ? 1 : 0
  name          = var.name
  type          = var.type
  architecture  = var.architecture
  release_label = var.release_label == null ? data.aws_emr_release_labels.this.release_labels[0] : var.release_label
  tags          = var.tags

  dynamic "auto_start_configuration" {
    for_each = length(coalesce(var.auto_start_configuration, {})) > 0 ? [var.auto_start_configuration] : []
    content {
      enabled = try(auto_start_configuration.value.enabled, null)
    }
  }
  dynamic "auto_stop_configuration" {
    for_each = length(coalesce(var.auto_stop_configuration, {})) > 0 ? [var.auto_stop_configuration] : []
    content {
      enabled              = try(auto_stop_configuration.value.enabled, null)
      idle_timeout_minutes = try(auto_stop_configuration.value.idle_timeout_minutes, null)
    }
  }
  dynamic "image_configuration" {
    for_each = length(coalesce(var.image_configuration, {})) > 0 ? [var.image_configuration] : []
    content {
      image_uri = image_configuration.value.image_uri
    }
  }
  dynamic "initial_capacity" {
    for_each = coalesce(var.initial_capacity, {})
    content {
      initial_capacity_type = initial_capacity.value.initial_capacity_type
      dynamic "initial_capacity_config" {
        for_each = try([initial_capacity.value.initial_capacity_config], [])
        content {
          worker_count = try(initial_capacity_config.value.worker_count, 1)
          dynamic "worker_configuration" {
            for_each = try([initial_capacity_config.value.worker_configuration], [])
            content {
              cpu    = worker_configuration.value.cpu
              memory = worker_configuration.value.memory
              disk   = try(worker_configuration.value.disk, null)
            }
          }
        }
      }
    }
  }
  dynamic "maximum_capacity" {
    for_each = length(coalesce(var.maximum_capacity, {})) > 0 ? [var.maximum_capacity] : []
    content {
      cpu    = maximum_capacity.value.cpu
      memory = maximum_capacity.value.memory
      disk   = try(maximum_capacity.value.disk, null)
    }
  }
  dynamic "network_configuration" {
    for_each = length(coalesce(var.network_configuration, {})) > 0 ? [var.network_configuration] : []
    content {
      subnet_ids         = try(network_configuration.value.subnet_ids, null)
      security_group_ids = try(network_configuration.value.security_group_ids, null)
    }
  }
}

output "arn" {
  value = try(aws_emrserverless_application.this[0].arn, null)
}

output "id" {
  value = try(aws_emrserverless_application.this[0].id, null)
}
