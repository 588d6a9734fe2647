# terraform-aws-modules/iam/aws//modules/iam-assumable-role-with-oidc: a role for subjects of OIDC providers.

variable "create_role" {
  default = false
}

variable "provider_url" {
  default = ""
}

variable "provider_urls" {
  default = []
}

variable "role_name" {
  default = null
}

variable "role_name_prefix" {
  default = null
}

variable "role_path" {
  default = "/"
}

variable "role_permissions_boundary_arn" {
  default = ""
}

variable "role_policy_arns" {
  default = []
}

variable "oidc_fully_qualified_subjects" {
  default = []
}

variable "oidc_subjects_with_wildcards" {
  default = []
}

variable "oidc_fully_qualified_audiences" {
  default = []
}

variable "aws_account_id" {
  default = ""
}

variable "inline_policy_statements" {
  default = []
}

locals {
  urls = [for url in distinct(compact(concat(var.provider_urls, [var.provider_url]))) : replace(url, "https://", "")]
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.urls
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${coalesce(var.aws_account_id, data.aws_caller_identity.current.account_id)}:oidc-provider/${statement.value}"]
      }
      dynamic "condition" {
        for_each = length(var.oidc_fully_qualified_subjects) > 0 ? [1] : []
        content {
          test     = "StringEquals"
          variable = "${statement.value}:sub"
          values   = var.oidc_fully_qualified_subjects
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_subjects_with_wildcards) > 0 ? [1] : []
        content {
          test     = "StringLike"
          variable = "${statement.value}:sub"
          values   = var.oidc_subjects_with_wildcards
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_fully_qualified_audiences) > 0 ? [1] : []
        content {
          test     = "StringLike"
          variable = "${statement.value}:aud"
          values   = var.oidc_fully_qualified_audiences
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count                = var.create_role ? 1 : 0
  name                 = var.role_name
  name_prefix          = var.role_name_prefix
  path                 = var.role_path
  permissions_boundary = var.role_permissions_boundary_arn == "" ? null : var.role_permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "custom" {
  for_each   = var.create_role ? toset(var.role_policy_arns) : []
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

output "iam_role_arn" {
  value = try(aws_iam_role.this[0].arn, "")
}

output "iam_role_name" {
  value = try(aws_iam_role.this[0].name, "")
}
