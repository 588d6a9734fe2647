# terraform-aws-modules/eks/aws//modules/karpenter: the role of Karpenter's nodes, and of Karpenter itself.

variable "create" {
  default = true
}

variable "cluster_name" {
  default = ""
}

variable "create_iam_role" {
  default = true
}

variable "create_node_iam_role" {
  default = true
}

variable "iam_role_arn" {
  default = null
}

variable "iam_role_name" {
  default = null
}

variable "iam_role_use_name_prefix" {
  default = true
}

variable "node_iam_role_arn" {
  default = null
}

variable "node_iam_role_name" {
  default = null
}

variable "node_iam_role_use_name_prefix" {
  default = true
}

variable "node_iam_role_path" {
  default = "/"
}

variable "node_iam_role_attach_cni_policy" {
  default = true
}

variable "node_iam_role_additional_policies" {
  default = {}
}

variable "iam_role_additional_policies" {
  default = {}
}

variable "create_access_entry" {
  default = local.major >= 20
}

variable "access_entry_type" {
  default = "EC2_LINUX"
}

variable "create_pod_identity_association" {
  default = local.major >= 21
}

variable "namespace" {
  default = "kube-system"
}

variable "service_account" {
  default = "karpenter"
}

variable "queue_name" {
  default = null
}

locals {
  # Up to version 19 the module's own role was the one of the nodes.
  old        = local.major < 20
  node_name  = coalesce(local.old ? var.iam_role_name : var.node_iam_role_name, "Karpenter-${var.cluster_name}")
  use_prefix = local.old ? var.iam_role_use_name_prefix : var.node_iam_role_use_name_prefix
  make_node  = var.create && (local.old ? var.create_iam_role : var.create_node_iam_role)
  more       = local.old ? var.iam_role_additional_policies : var.node_iam_role_additional_policies
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "node" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  count       = local.make_node ? 1 : 0
  name        = local.use_prefix ? null : local.node_name
  name_prefix = local.use_prefix ? "${local.node_name}-" : null
  path        = var.node_iam_role_path
  managed_policy_arns = concat(
    [
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSWorkerNodePolicy",
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    ],
    var.node_iam_role_attach_cni_policy ? ["arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKS_CNI_Policy"] : [],
    try(values(local.more), tolist(local.more), []),
  )
  assume_role_policy = data.aws_iam_policy_document.node.json
}

resource "aws_eks_access_entry" "node" {
  count         = var.create && var.create_access_entry ? 1 : 0
  cluster_name  = var.cluster_name
  principal_arn = local.make_node ? aws_iam_role.node[0].arn : var.node_iam_role_arn
  type          = var.access_entry_type
}

resource "aws_eks_pod_identity_association" "karpenter" {
  count           = var.create && !local.old && var.create_pod_identity_association ? 1 : 0
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.made_by_the_module.arn
}

output "node_iam_role_arn" {
  value = local.make_node ? aws_iam_role.node[0].arn : var.node_iam_role_arn
}

output "node_iam_role_name" {
  value = try(aws_iam_role.node[0].name, null)
}

output "role_arn" {
  value = local.make_node ? aws_iam_role.node[0].arn : var.iam_role_arn
}

output "role_name" {
  value = try(aws_iam_role.node[0].name, null)
}

output "service_account" {
  value = var.service_account
}

output "namespace" {
  value = var.namespace
}
