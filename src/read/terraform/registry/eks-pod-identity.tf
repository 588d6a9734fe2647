# terraform-aws-modules/eks-pod-identity/aws: a role that pods get through associations.

variable "create" {
  default = true
}

variable "name" {
  default = ""
}

variable "use_name_prefix" {
  default = true
}

variable "path" {
  default = "/"
}

variable "permissions_boundary_arn" {
  default = null
}

variable "additional_policy_arns" {
  default = {}
}

variable "associations" {
  default = {}
}

variable "association_defaults" {
  default = {}
}

variable "attach_custom_policy" {
  default = false
}

variable "source_policy_documents" {
  default = []
}

variable "policy_statements" {
  default = []
}

variable "attach_aws_cloudwatch_observability_policy" {
  default = false
}

variable "attach_aws_ebs_csi_policy" {
  default = false
}

variable "attach_aws_efs_csi_policy" {
  default = false
}

variable "attach_aws_fsx_lustre_csi_policy" {
  default = false
}

variable "attach_aws_gateway_controller_policy" {
  default = false
}

variable "attach_aws_lb_controller_policy" {
  default = false
}

variable "attach_aws_node_termination_handler_policy" {
  default = false
}

variable "attach_aws_privateca_issuer_policy" {
  default = false
}

variable "attach_aws_vpc_cni_policy" {
  default = false
}

variable "attach_amazon_managed_service_prometheus_policy" {
  default = false
}

variable "attach_cert_manager_policy" {
  default = false
}

variable "attach_cluster_autoscaler_policy" {
  default = false
}

variable "attach_external_dns_policy" {
  default = false
}

variable "attach_external_secrets_policy" {
  default = false
}

variable "attach_mountpoint_s3_csi_policy" {
  default = false
}

variable "attach_velero_policy" {
  default = false
}

locals {
  own = anytrue([
    var.attach_aws_cloudwatch_observability_policy, var.attach_aws_ebs_csi_policy, var.attach_aws_efs_csi_policy,
    var.attach_aws_fsx_lustre_csi_policy, var.attach_aws_gateway_controller_policy, var.attach_aws_lb_controller_policy,
    var.attach_aws_node_termination_handler_policy, var.attach_aws_privateca_issuer_policy, var.attach_aws_vpc_cni_policy,
    var.attach_amazon_managed_service_prometheus_policy, var.attach_cert_manager_policy,
    var.attach_cluster_autoscaler_policy, var.attach_external_dns_policy, var.attach_external_secrets_policy,
    var.attach_mountpoint_s3_csi_policy, var.attach_velero_policy,
  ])
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "custom" {
  source_policy_documents = var.source_policy_documents

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
        for_each = coalesce(try(statement.value.condition, null), try(statement.value.conditions, null), [])
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
  count                = var.create ? 1 : 0
  name                 = var.use_name_prefix ? null : var.name
  name_prefix          = var.use_name_prefix ? "${var.name}-" : null
  path                 = var.path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "custom" {
  count  = var.create && var.attach_custom_policy ? 1 : 0
  name   = "custom"
  role   = aws_iam_role.this[0].name
  policy = data.aws_iam_policy_document.custom.json
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each   = var.create ? var.additional_policy_arns : {}
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

resource "aws_iam_role_policy_attachment" "own" {
  count      = var.create && local.own ? 1 : 0
  role       = aws_iam_role.this[0].name
  policy_arn = aws_iam_policy.made_by_the_module.arn
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = var.create ? var.associations : {}
  cluster_name    = try(each.value.cluster_name, var.association_defaults.cluster_name)
  namespace       = try(each.value.namespace, var.association_defaults.namespace)
  service_account = try(each.value.service_account, var.association_defaults.service_account)
  role_arn        = aws_iam_role.this[0].arn
}

output "iam_role_arn" {
  value = try(aws_iam_role.this[0].arn, null)
}

output "iam_role_name" {
  value = try(aws_iam_role.this[0].name, null)
}
