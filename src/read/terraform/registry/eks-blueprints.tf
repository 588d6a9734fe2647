# aws-ia/terraform-aws-eks-blueprints up to version 4: a cluster by terraform-aws-modules/eks 18, and teams of EMR on EKS.
# A command that runs beside Terraform writes the trust of the teams' roles, so that it is not known here.

variable "cluster_name" {
  default = ""
}

variable "cluster_version" {
  default = null
}

variable "cluster_endpoint_public_access" {
  default = true
}

variable "cluster_endpoint_private_access" {
  default = false
}

variable "cluster_endpoint_public_access_cidrs" {
  default = ["0.0.0.0/0"]
}

variable "cluster_enabled_log_types" {
  default = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
}

variable "private_subnet_ids" {
  default = []
}

variable "vpc_id" {
  default = null
}

variable "enable_irsa" {
  default = true
}

variable "map_roles" {
  default = []
}

variable "enable_emr_on_eks" {
  default = false
}

variable "emr_on_eks_teams" {
  default = {}
}

variable "iam_role_path" {
  default = null
}

variable "tags" {
  default = {}
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  teams = var.enable_emr_on_eks ? { for name, team in coalesce(var.emr_on_eks_teams, {}) : name => team } : {}
  service = [{
    rolearn  = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/AWSServiceRoleForAmazonEMRContainers"
    username = "emr-containers"
    groups   = []
  }]
  attached = flatten([
    for name, team in local.teams : [for arn in try(team.additional_iam_policies, []) : { team = name, policy = arn }]
  ])
}

module "aws_eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "18.29.1"

  cluster_name                         = var.cluster_name
  cluster_version                      = var.cluster_version
  cluster_endpoint_public_access       = var.cluster_endpoint_public_access
  cluster_endpoint_private_access      = var.cluster_endpoint_private_access
  cluster_endpoint_public_access_cidrs = var.cluster_endpoint_public_access_cidrs
  cluster_enabled_log_types            = var.cluster_enabled_log_types
  subnet_ids                           = var.private_subnet_ids
  vpc_id                               = var.vpc_id
  enable_irsa                          = var.enable_irsa
  manage_aws_auth_configmap            = true
  aws_auth_roles                       = concat(var.map_roles, var.enable_emr_on_eks ? local.service : [])
  tags                                 = var.tags
}

resource "aws_iam_role" "emr_on_eks_execution" {
  for_each           = local.teams
  name               = "${var.cluster_name}-${try(each.value.job_execution_role, "emr-on-eks-job-role")}"
  path               = var.iam_role_path
  assume_role_policy = data.external.trust.result.policy
}

resource "aws_iam_role_policy_attachment" "custom" {
  count      = length(local.attached)
  role       = aws_iam_role.emr_on_eks_execution[local.attached[count.index].team].name
  policy_arn = local.attached[count.index].policy
}

output "eks_cluster_id" {
  value = module.aws_eks.cluster_name
}

output "eks_cluster_arn" {
  value = module.aws_eks.cluster_arn
}

output "eks_cluster_endpoint" {
  value = module.aws_eks.cluster_endpoint
}

output "eks_cluster_version" {
  value = module.aws_eks.cluster_version
}

output "eks_cluster_certificate_authority_data" {
  value = module.aws_eks.cluster_certificate_authority_data
}

output "oidc_provider" {
  value = module.aws_eks.oidc_provider
}

output "eks_oidc_issuer_url" {
  value = module.aws_eks.oidc_provider
}

output "eks_oidc_provider_arn" {
  value = module.aws_eks.oidc_provider_arn
}

output "emr_on_eks_role_arn" {
  value = [for role in aws_iam_role.emr_on_eks_execution : role.arn]
}

output "emr_on_eks_role_id" {
  value = [for role in aws_iam_role.emr_on_eks_execution : role.name]
}
