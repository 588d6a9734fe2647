# terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts, up to major version 5 with the
# suffix `-eks`: a role that service accounts of a cluster assume.

variable "create" {
  default = true
}

variable "create_role" {
  default = true
}

variable "role_name" {
  default = null
}

variable "name" {
  default = null
}

variable "role_name_prefix" {
  default = null
}

variable "use_name_prefix" {
  default = true
}

variable "role_path" {
  default = "/"
}

variable "path" {
  default = "/"
}

variable "role_permissions_boundary_arn" {
  default = null
}

variable "permissions_boundary" {
  default = null
}

variable "role_policy_arns" {
  default = {}
}

variable "policies" {
  default = {}
}

variable "oidc_providers" {
  default = {}
}

variable "assume_role_condition_test" {
  default = "StringEquals"
}

variable "trust_condition_test" {
  default = "StringEquals"
}

variable "attach_aws_gateway_controller_policy" {
  default = false
}

variable "attach_cert_manager_policy" {
  default = false
}

variable "attach_cloudwatch_observability_policy" {
  default = false
}

variable "attach_amazon_managed_service_prometheus_policy" {
  default = false
}

variable "attach_cluster_autoscaler_policy" {
  default = false
}

variable "attach_ebs_csi_policy" {
  default = false
}

variable "attach_efs_csi_policy" {
  default = false
}

variable "attach_external_dns_policy" {
  default = false
}

variable "attach_external_secrets_policy" {
  default = false
}

variable "attach_fsx_lustre_csi_policy" {
  default = false
}

variable "attach_fsx_openzfs_csi_policy" {
  default = false
}

variable "attach_karpenter_controller_policy" {
  default = false
}

variable "attach_load_balancer_controller_policy" {
  default = false
}

variable "attach_load_balancer_controller_targetgroup_binding_only_policy" {
  default = false
}

variable "attach_appmesh_controller_policy" {
  default = false
}

variable "attach_appmesh_envoy_proxy_policy" {
  default = false
}

variable "attach_mountpoint_s3_csi_policy" {
  default = false
}

variable "attach_node_termination_handler_policy" {
  default = false
}

variable "attach_velero_policy" {
  default = false
}

variable "attach_vpc_cni_policy" {
  default = false
}

variable "create_policy" {
  default = false
}

locals {
  new    = local.major >= 6
  wanted = var.create && var.create_role
  test   = local.new ? var.trust_condition_test : var.assume_role_condition_test
  own = anytrue([
    var.attach_aws_gateway_controller_policy, var.attach_cert_manager_policy, var.attach_cloudwatch_observability_policy,
    var.attach_amazon_managed_service_prometheus_policy, var.attach_cluster_autoscaler_policy, var.attach_ebs_csi_policy,
    var.attach_efs_csi_policy, var.attach_external_dns_policy, var.attach_external_secrets_policy,
    var.attach_fsx_lustre_csi_policy, var.attach_fsx_openzfs_csi_policy, var.attach_karpenter_controller_policy,
    var.attach_load_balancer_controller_policy, var.attach_load_balancer_controller_targetgroup_binding_only_policy,
    var.attach_appmesh_controller_policy, var.attach_appmesh_envoy_proxy_policy, var.attach_mountpoint_s3_csi_policy,
    var.attach_node_termination_handler_policy, var.attach_velero_policy, var.attach_vpc_cni_policy, var.create_policy,
  ])
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
        values   = [for account in statement.value.namespace_service_accounts : "system:serviceaccount:${account}"]
      }
      condition {
        test     = local.test
        variable = "${replace(statement.value.provider_arn, "/^(.*provider/)/", "")}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count                = local.wanted ? 1 : 0
  name                 = local.new ? (var.use_name_prefix ? null : var.name) : var.role_name
  name_prefix          = local.new ? (var.use_name_prefix ? "${var.name}-" : null) : var.role_name_prefix
  path                 = local.new ? var.path : var.role_path
  permissions_boundary = local.new ? var.permissions_boundary : var.role_permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = local.wanted ? (local.new ? var.policies : var.role_policy_arns) : {}
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

resource "aws_iam_role_policy_attachment" "own" {
  count      = local.wanted && local.own ? 1 : 0
  role       = aws_iam_role.this[0].name
  policy_arn = aws_iam_policy.made_by_the_module.arn
}

output "iam_role_arn" {
  value = try(aws_iam_role.this[0].arn, "")
}

output "iam_role_name" {
  value = try(aws_iam_role.this[0].name, "")
}

output "arn" {
  value = try(aws_iam_role.this[0].arn, null)
}

output "name" {
  value = try(aws_iam_role.this[0].name, null)
}
