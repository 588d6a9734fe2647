# aws-ia/eks-blueprints-addon/aws: a chart, and a role for its service account.

variable "create" {
  default = true
}

variable "create_release" {
  default = true
}

variable "create_role" {
  default = false
}

variable "create_policy" {
  default = true
}

variable "namespace" {
  default = null
}

variable "create_namespace" {
  default = null
}

variable "role_name" {
  default = null
}

variable "role_name_use_prefix" {
  default = true
}

variable "role_path" {
  default = "/"
}

variable "role_permissions_boundary_arn" {
  default = null
}

variable "role_policies" {
  default = {}
}

variable "oidc_providers" {
  default = {}
}

variable "policy_name" {
  default = null
}

variable "policy_name_use_prefix" {
  default = true
}

variable "policy_path" {
  default = null
}

variable "policy_statements" {
  default = []
}

variable "source_policy_documents" {
  default = []
}

variable "override_policy_documents" {
  default = []
}

variable "assume_role_condition_test" {
  default = "StringEquals"
}

variable "allow_self_assume_role" {
  default = false
}

variable "name" {
  default = ""
}

locals {
  wanted = var.create && var.create_role
  test   = var.assume_role_condition_test
  role   = try(coalesce(var.role_name, var.name), "")
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = var.oidc_providers
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [statement.value.provider_arn]
      }
      condition {
        test     = local.test
        variable = "${replace(statement.value.provider_arn, "/^(.*provider/)/", "")}:sub"
        values   = ["system:serviceaccount:${try(statement.value.namespace, var.namespace)}:${statement.value.service_account}"]
      }
      condition {
        test     = local.test
        variable = "${replace(statement.value.provider_arn, "/^(.*provider/)/", "")}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "this" {
  source_policy_documents   = var.source_policy_documents
  override_policy_documents = var.override_policy_documents

  dynamic "statement" {
    for_each = try(values(var.policy_statements), tolist(var.policy_statements), [])
    content {
      sid           = try(statement.value.sid, null)
      effect        = try(statement.value.effect, null)
      actions       = try(statement.value.actions, null)
      not_actions   = try(statement.value.not_actions, null)
      resources     = try(statement.value.resources, null)
      not_resources = try(statement.value.not_resources, null)

      dynamic "condition" {
        for_each = try(statement.value.conditions, [])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count                = local.wanted ? 1 : 0
  name                 = var.role_name_use_prefix ? null : local.role
  name_prefix          = var.role_name_use_prefix ? "${local.role}-" : null
  path                 = var.role_path
  permissions_boundary = var.role_permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_policy" "this" {
  count       = local.wanted && var.create_policy ? 1 : 0
  name        = var.policy_name_use_prefix ? null : coalesce(var.policy_name, local.role)
  name_prefix = var.policy_name_use_prefix ? "${coalesce(var.policy_name, local.role)}-" : null
  path        = coalesce(var.policy_path, var.role_path)
  policy      = data.aws_iam_policy_document.this.json
}

resource "aws_iam_role_policy_attachment" "this" {
  count      = local.wanted && var.create_policy ? 1 : 0
  role       = aws_iam_role.this[0].name
  policy_arn = aws_iam_policy.this[0].arn
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each   = local.wanted ? var.role_policies : {}
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

output "iam_role_arn" {
  value = try(aws_iam_role.this[0].arn, null)
}

output "iam_role_name" {
  value = try(aws_iam_role.this[0].name, null)
}

output "iam_policy_arn" {
  value = try(aws_iam_policy.this[0].arn, null)
}
