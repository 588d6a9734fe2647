# aws-ia/eks-blueprints-addons/aws: many charts; what a rollout depends on is the role of Karpenter's nodes.

variable "cluster_name" {
  default = ""
}

variable "enable_karpenter" {
  default = false
}

variable "karpenter_node" {
  default = {}
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

resource "aws_iam_role" "karpenter" {
  count       = var.enable_karpenter && try(var.karpenter_node.create_iam_role, true) ? 1 : 0
  name        = try(var.karpenter_node.iam_role_use_name_prefix, true) ? null : try(var.karpenter_node.iam_role_name, "karpenter-${var.cluster_name}")
  name_prefix = try(var.karpenter_node.iam_role_use_name_prefix, true) ? "${try(var.karpenter_node.iam_role_name, "karpenter-${var.cluster_name}")}-" : null
  managed_policy_arns = concat(
    [
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSWorkerNodePolicy",
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKS_CNI_Policy",
    ],
    try(values(var.karpenter_node.iam_role_additional_policies), []),
  )
  assume_role_policy = data.aws_iam_policy_document.node.json
}

output "karpenter" {
  value = {
    node_iam_role_arn  = try(aws_iam_role.karpenter[0].arn, try(var.karpenter_node.iam_role_arn, null))
    node_iam_role_name = try(aws_iam_role.karpenter[0].name, null)
  }
}
