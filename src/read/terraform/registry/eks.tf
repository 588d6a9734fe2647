# terraform-aws-modules/eks/aws: a cluster with its OIDC provider, node groups, add-ons and access.
# Up to major version 20 the inputs of the cluster begin with `cluster_`; from 21 they do not.

variable "create" {
  default = true
}

variable "cluster_name" {
  default = ""
}

variable "name" {
  default = ""
}

variable "cluster_version" {
  default = null
}

variable "kubernetes_version" {
  default = null
}

variable "cluster_endpoint_public_access" {
  default = local.major < 19
}

variable "endpoint_public_access" {
  default = false
}

variable "cluster_endpoint_private_access" {
  default = local.major >= 19
}

variable "endpoint_private_access" {
  default = true
}

variable "cluster_endpoint_public_access_cidrs" {
  default = ["0.0.0.0/0"]
}

variable "endpoint_public_access_cidrs" {
  default = ["0.0.0.0/0"]
}

variable "cluster_enabled_log_types" {
  default = local.major < 18 ? [] : ["audit", "api", "authenticator"]
}

variable "enabled_log_types" {
  default = ["audit", "api", "authenticator"]
}

variable "authentication_mode" {
  default = local.major < 20 ? "CONFIG_MAP" : "API_AND_CONFIG_MAP"
}

variable "enable_irsa" {
  default = local.major >= 18
}

variable "openid_connect_audiences" {
  default = []
}

variable "cluster_addons" {
  default = {}
}

variable "addons" {
  default = {}
}

variable "access_entries" {
  default = {}
}

variable "subnet_ids" {
  default = []
}

variable "subnets" {
  default = []
}

variable "control_plane_subnet_ids" {
  default = []
}

variable "vpc_id" {
  default = null
}

variable "cluster_additional_security_group_ids" {
  default = []
}

variable "additional_security_group_ids" {
  default = []
}

variable "cluster_ip_family" {
  default = null
}

variable "ip_family" {
  default = "ipv4"
}

variable "cluster_encryption_config" {
  default = {}
}

variable "encryption_config" {
  default = {}
}

variable "create_kms_key" {
  default = true
}

variable "create_iam_role" {
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

variable "manage_aws_auth_configmap" {
  default = false
}

variable "create_aws_auth_configmap" {
  default = false
}

variable "manage_aws_auth" {
  default = true
}

variable "aws_auth_roles" {
  default = []
}

variable "aws_auth_users" {
  default = []
}

variable "map_roles" {
  default = []
}

variable "map_users" {
  default = []
}

variable "eks_managed_node_groups" {
  default = {}
}

variable "eks_managed_node_group_defaults" {
  default = {}
}

variable "fargate_profiles" {
  default = {}
}

variable "tags" {
  default = {}
}

locals {
  new     = local.major >= 21
  cluster = local.new ? var.name : var.cluster_name
  subnets = local.major < 18 ? var.subnets : var.subnet_ids
  addons  = { for name, addon in coalesce(local.new ? var.addons : var.cluster_addons, {}) : name => addon if addon != null }
  entries = { for name, entry in coalesce(var.access_entries, {}) : name => entry }
  policies = flatten([
    for name, entry in local.entries : [
      for policy in values(try(entry.policy_associations, {})) : { principal = entry.principal_arn, policy = policy }
    ]
  ])
  groups = {
    for name, group in coalesce(var.eks_managed_node_groups, {}) :
    name => merge(try(var.eks_managed_node_group_defaults, {}), group)
  }
  profiles  = coalesce(var.fargate_profiles, {})
  write_map = local.major < 18 ? var.manage_aws_auth : (local.major < 20 && (var.manage_aws_auth_configmap || var.create_aws_auth_configmap))
}

resource "aws_iam_role" "this" {
  count              = var.create && var.create_iam_role ? 1 : 0
  name               = var.iam_role_use_name_prefix ? null : coalesce(var.iam_role_name, "${local.cluster}-cluster")
  name_prefix        = var.iam_role_use_name_prefix ? "${coalesce(var.iam_role_name, "${local.cluster}-cluster")}-" : null
  assume_role_policy = data.aws_iam_policy_document.cluster.json
}

data "aws_iam_policy_document" "cluster" {
  statement {
    actions = local.major < 20 ? ["sts:AssumeRole"] : ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  count      = var.create && var.create_iam_role ? 1 : 0
  role       = aws_iam_role.this[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

data "aws_partition" "current" {}

resource "aws_eks_cluster" "this" {
  count                     = var.create ? 1 : 0
  name                      = local.cluster
  version                   = local.new ? var.kubernetes_version : var.cluster_version
  role_arn                  = var.create_iam_role ? aws_iam_role.this[0].arn : var.iam_role_arn
  enabled_cluster_log_types = local.new ? var.enabled_log_types : var.cluster_enabled_log_types
  tags                      = var.tags

  vpc_config {
    subnet_ids              = length(coalesce(var.control_plane_subnet_ids, [])) > 0 ? var.control_plane_subnet_ids : local.subnets
    security_group_ids      = local.new ? var.additional_security_group_ids : var.cluster_additional_security_group_ids
    vpc_id                  = var.vpc_id
    endpoint_public_access  = local.new ? var.endpoint_public_access : var.cluster_endpoint_public_access
    endpoint_private_access = local.new ? var.endpoint_private_access : var.cluster_endpoint_private_access
    public_access_cidrs     = local.new ? var.endpoint_public_access_cidrs : var.cluster_endpoint_public_access_cidrs
  }

  access_config {
    authentication_mode                         = var.authentication_mode
    bootstrap_cluster_creator_admin_permissions = local.major < 20 ? null : false
  }

  kubernetes_network_config {
    ip_family = coalesce(local.new ? var.ip_family : var.cluster_ip_family, "ipv4")
  }
}

resource "aws_iam_openid_connect_provider" "oidc_provider" {
  count          = var.create && var.enable_irsa ? 1 : 0
  url            = aws_eks_cluster.this[0].identity[0].oidc[0].issuer
  client_id_list = distinct(concat(["sts.amazonaws.com"], var.openid_connect_audiences))
}

resource "aws_eks_addon" "this" {
  for_each                 = local.addons
  cluster_name             = aws_eks_cluster.this[0].name
  addon_name               = try(each.value.name, each.key)
  addon_version            = try(each.value.addon_version, null)
  service_account_role_arn = try(each.value.service_account_role_arn, null)
  configuration_values     = try(each.value.configuration_values, null)
}

resource "aws_eks_access_entry" "this" {
  for_each          = local.major < 20 ? {} : local.entries
  cluster_name      = aws_eks_cluster.this[0].name
  principal_arn     = each.value.principal_arn
  kubernetes_groups = try(each.value.kubernetes_groups, [])
  type              = try(each.value.type, "STANDARD")
  user_name         = try(each.value.user_name, null)
}

resource "aws_eks_access_policy_association" "this" {
  count         = local.major < 20 ? 0 : length(local.policies)
  cluster_name  = aws_eks_cluster.this[0].name
  principal_arn = local.policies[count.index].principal
  policy_arn    = local.policies[count.index].policy.policy_arn

  access_scope {
    type       = try(local.policies[count.index].policy.access_scope.type, "cluster")
    namespaces = try(local.policies[count.index].policy.access_scope.namespaces, null)
  }
}

resource "aws_iam_role" "node" {
  for_each           = { for name, group in local.groups : name => group if try(group.create_iam_role, true) }
  name               = try(each.value.iam_role_use_name_prefix, true) ? null : try(each.value.iam_role_name, "${try(each.value.name, each.key)}-eks-node-group")
  name_prefix        = try(each.value.iam_role_use_name_prefix, true) ? "${try(each.value.iam_role_name, "${try(each.value.name, each.key)}-eks-node-group")}-" : null
  assume_role_policy = data.aws_iam_policy_document.node.json
  managed_policy_arns = concat(
    [
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSWorkerNodePolicy",
      "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    ],
    try(each.value.iam_role_attach_cni_policy, true) ? ["arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKS_CNI_Policy"] : [],
    try(values(each.value.iam_role_additional_policies), tolist(each.value.iam_role_additional_policies), []),
  )
}

data "aws_iam_policy_document" "node" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each               = local.groups
  cluster_name           = aws_eks_cluster.this[0].name
  node_group_name        = try(each.value.use_name_prefix, true) ? null : try(each.value.name, each.key)
  node_group_name_prefix = try(each.value.use_name_prefix, true) ? "${try(each.value.name, each.key)}-" : null
  node_role_arn          = try(each.value.create_iam_role, true) ? aws_iam_role.node[each.key].arn : each.value.iam_role_arn
  subnet_ids             = try(each.value.subnet_ids, local.subnets)
  ami_type               = try(each.value.ami_type, local.new ? "AL2023_x86_64_STANDARD" : null)
  capacity_type          = try(each.value.capacity_type, "ON_DEMAND")
  instance_types         = try(each.value.instance_types, null)
  labels                 = try(each.value.labels, null)
  version                = aws_eks_cluster.this[0].version
  tags                   = try(each.value.tags, {})

  scaling_config {
    min_size     = try(each.value.min_size, local.new ? 1 : 0)
    max_size     = try(each.value.max_size, 3)
    desired_size = try(each.value.desired_size, 1)
  }

  dynamic "taint" {
    for_each = try(values(each.value.taints), tolist(each.value.taints), [])
    content {
      key    = taint.value.key
      value  = try(taint.value.value, null)
      effect = taint.value.effect
    }
  }
}

resource "aws_eks_fargate_profile" "this" {
  for_each               = local.profiles
  cluster_name           = aws_eks_cluster.this[0].name
  fargate_profile_name   = try(each.value.name, each.key)
  pod_execution_role_arn = try(each.value.iam_role_arn, null)
  subnet_ids             = try(each.value.subnet_ids, local.subnets)

  dynamic "selector" {
    for_each = try(values(each.value.selectors), each.value.selectors, [])
    content {
      namespace = selector.value.namespace
      labels    = try(selector.value.labels, null)
    }
  }
}

provider "kubernetes" {
  host = aws_eks_cluster.this[0].endpoint
}

resource "kubernetes_config_map_v1_data" "aws_auth" {
  count = var.create && local.write_map ? 1 : 0
  metadata {
    name      = "aws-auth"
    namespace = "kube-system"
  }
  data = {
    mapRoles = yamlencode(concat(
      [
        for name, role in aws_iam_role.node : {
          rolearn  = role.arn
          username = "system:node:{{EC2PrivateDNSName}}"
          groups   = ["system:bootstrappers", "system:nodes"]
        }
      ],
      local.major < 18 ? var.map_roles : var.aws_auth_roles,
    ))
    mapUsers = yamlencode(local.major < 18 ? var.map_users : var.aws_auth_users)
  }
}

output "cluster_name" {
  value = try(aws_eks_cluster.this[0].name, "")
}

output "cluster_id" {
  value = local.major < 19 ? try(aws_eks_cluster.this[0].name, "") : aws_eks_cluster.this[0].cluster_id
}

output "cluster_arn" {
  value = try(aws_eks_cluster.this[0].arn, null)
}

output "cluster_endpoint" {
  value = try(aws_eks_cluster.this[0].endpoint, null)
}

output "cluster_version" {
  value = try(aws_eks_cluster.this[0].version, null)
}

output "cluster_certificate_authority_data" {
  value = aws_eks_cluster.this[0].certificate_authority[0].data
}

output "cluster_oidc_issuer_url" {
  value = try(aws_eks_cluster.this[0].identity[0].oidc[0].issuer, null)
}

output "oidc_provider" {
  value = try(replace(aws_eks_cluster.this[0].identity[0].oidc[0].issuer, "https://", ""), null)
}

output "oidc_provider_arn" {
  value = try(aws_iam_openid_connect_provider.oidc_provider[0].arn, null)
}

output "cluster_iam_role_arn" {
  value = try(aws_iam_role.this[0].arn, null)
}

output "cluster_iam_role_name" {
  value = try(aws_iam_role.this[0].name, null)
}

output "eks_managed_node_groups" {
  value = {
    for name, group in local.groups : name => {
      iam_role_arn     = try(aws_iam_role.node[name].arn, null)
      iam_role_name    = try(aws_iam_role.node[name].name, null)
      node_group_id    = aws_eks_node_group.this[name].id
      node_group_arn   = aws_eks_node_group.this[name].arn
    }
  }
}
