# terraform-aws-modules/emr/aws//modules/virtual-cluster: a virtual cluster with its namespace, the
# permissions of EMR in it, and the role of its jobs. Version 3 renamed the two inputs that name the cluster.

variable "create" {
  default = true
}

variable "tags" {
  default = {}
}

variable "labels" {
  default = {}
}

variable "annotations" {
  default = {}
}

variable "name" {
  default = ""
}

variable "eks_cluster_id" {
  default = ""
}

variable "eks_cluster_name" {
  default = ""
}

variable "oidc_provider_arn" {
  default = ""
}

variable "eks_oidc_provider_arn" {
  default = ""
}

variable "create_namespace" {
  default = true
}

variable "namespace" {
  default = "emr-containers"
}

variable "create_kubernetes_role" {
  default = true
}

variable "create_iam_role" {
  default = true
}

variable "s3_bucket_arns" {
  default = []
}

variable "role_name" {
  default = null
}

variable "iam_role_use_name_prefix" {
  default = true
}

variable "iam_role_path" {
  default = null
}

variable "iam_role_permissions_boundary" {
  default = null
}

variable "iam_role_additional_policies" {
  default = {}
}

variable "create_cloudwatch_log_group" {
  default = true
}

variable "cloudwatch_log_group_arn" {
  default = "arn:aws:logs:*:*:*"
}

variable "cloudwatch_log_group_name" {
  default = null
}

variable "cloudwatch_log_group_use_name_prefix" {
  default = false
}

data "aws_caller_identity" "current" {}

locals {
  cluster   = local.major >= 3 ? var.eks_cluster_name : var.eks_cluster_id
  provider  = local.major >= 3 ? var.eks_oidc_provider_arn : var.oidc_provider_arn
  role      = coalesce(var.role_name, var.name)
  make_role = var.create && var.create_iam_role
  host      = replace(local.provider, "/^(.*provider/)/", "")
  log_group = coalesce(var.cloudwatch_log_group_name, "/emr-on-eks-logs/emr-workload/${var.namespace}")
  log_arn   = var.create_cloudwatch_log_group ? aws_cloudwatch_log_group.this[0].arn : var.cloudwatch_log_group_arn
  # Without buckets, version 1 granted all of them.
  s3_bucket_arns = local.major == 1 && length(var.s3_bucket_arns) == 0 ? ["*"] : var.s3_bucket_arns
  common    = ["create", "delete", "get", "list", "patch", "watch", "annotate", "describe", "edit", "label"]
}

resource "aws_emrcontainers_virtual_cluster" "this" {
  count = var.create ? 1 : 0
  name  = var.name
  tags  = var.tags

  container_provider {
    id   = local.cluster
    type = "EKS"
    info {
      eks_info {
        namespace = var.namespace
      }
    }
  }
}

resource "kubernetes_namespace_v1" "this" {
  count = var.create && var.create_namespace ? 1 : 0
  metadata {
    name        = var.namespace
    labels      = var.labels
    annotations = var.annotations
  }
}

resource "kubernetes_role_v1" "this" {
  count = var.create && var.create_kubernetes_role ? 1 : 0
  metadata {
    name      = local.role
    namespace = var.namespace
  }
  rule {
    api_groups = [""]
    resources  = ["namespaces"]
    verbs      = ["get"]
  }
  rule {
    api_groups = [""]
    resources  = ["serviceaccounts", "services", "configmaps", "events", "pods", "pods/log"]
    verbs      = concat(local.common, ["deletecollection"])
  }
  rule {
    api_groups = [""]
    resources  = ["secrets"]
    verbs      = ["create", "delete", "patch", "watch"]
  }
  rule {
    api_groups = ["apps"]
    resources  = ["deployments", "statefulsets"]
    verbs      = local.common
  }
  rule {
    api_groups = ["batch"]
    resources  = ["jobs"]
    verbs      = local.common
  }
  rule {
    api_groups = ["extensions", "networking.k8s.io"]
    resources  = ["ingresses"]
    verbs      = local.common
  }
  rule {
    api_groups = ["rbac.authorization.k8s.io"]
    resources  = ["rolebindings", "roles"]
    verbs      = concat(local.common, ["deletecollection"])
  }
  rule {
    api_groups = [""]
    resources  = ["persistentvolumeclaims"]
    verbs      = concat(local.common, ["deletecollection"])
  }
}

resource "kubernetes_role_binding_v1" "this" {
  count = var.create && var.create_kubernetes_role ? 1 : 0
  metadata {
    name      = local.role
    namespace = var.namespace
  }
  subject {
    kind      = "User"
    name      = "emr-containers"
    api_group = "rbac.authorization.k8s.io"
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "Role"
    name      = local.role
  }
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.major < 2 ? [1] : []
    content {
      sid     = "EMR"
      actions = ["sts:AssumeRole"]
      principals {
        type        = "Service"
        identifiers = ["elasticmapreduce.amazonaws.com"]
      }
    }
  }
  statement {
    sid     = "IRSA"
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }
    condition {
      test     = "StringLike"
      variable = "${local.host}:sub"
      values   = ["system:serviceaccount:${var.namespace}:emr-containers-sa-*-*-${data.aws_caller_identity.current.account_id}-*"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "S3Objects"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = local.s3_bucket_arns
  }
  statement {
    sid       = "CloudWatchLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.log_arn}:log-stream:*"]
  }
  statement {
    sid       = "CloudWatchLogsReadOnly"
    actions   = ["logs:DescribeLogGroups", "logs:DescribeLogStreams"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "this" {
  count                = local.make_role ? 1 : 0
  name                 = var.iam_role_use_name_prefix ? null : local.role
  name_prefix          = var.iam_role_use_name_prefix ? "${local.role}-" : null
  path                 = var.iam_role_path
  permissions_boundary = var.iam_role_permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.tags
}

resource "aws_iam_policy" "this" {
  count       = local.make_role ? 1 : 0
  name        = var.iam_role_use_name_prefix ? null : local.role
  name_prefix = var.iam_role_use_name_prefix ? "${local.role}-" : null
  path        = var.iam_role_path
  policy      = data.aws_iam_policy_document.this.json
}

resource "aws_iam_role_policy_attachment" "this" {
  count      = local.make_role ? 1 : 0
  role       = aws_iam_role.this[0].name
  policy_arn = aws_iam_policy.this[0].arn
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each   = local.make_role ? try(toset(tolist(var.iam_role_additional_policies)), {}) : []
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

resource "aws_cloudwatch_log_group" "this" {
  count       = var.create && var.create_cloudwatch_log_group ? 1 : 0
  name        = var.cloudwatch_log_group_use_name_prefix ? null : local.log_group
  name_prefix = var.cloudwatch_log_group_use_name_prefix ? "${local.log_group}-" : null
}

output "virtual_cluster_arn" {
  value = try(aws_emrcontainers_virtual_cluster.this[0].arn, null)
}

output "virtual_cluster_id" {
  value = try(aws_emrcontainers_virtual_cluster.this[0].id, null)
}

output "job_execution_role_arn" {
  value = try(aws_iam_role.this[0].arn, null)
}

output "job_execution_role_name" {
  value = try(aws_iam_role.this[0].name, null)
}

output "job_execution_role_unique_id" {
  value = try(aws_iam_role.this[0].unique_id, null)
}

output "cloudwatch_log_group_name" {
  value = try(aws_cloudwatch_log_group.this[0].name, null)
}

output "cloudwatch_log_group_arn" {
  value = try(aws_cloudwatch_log_group.this[0].arn, null)
}
