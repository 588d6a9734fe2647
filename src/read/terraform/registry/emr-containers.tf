# KubedAI/terraform-aws-emr-containers: for each team a virtual cluster, and a role that its pods get by EKS Pod Identity.

variable "eks_cluster_name" {
  default = ""
}

variable "teams" {
  default = {}
}

variable "enable_pod_identity_trust_conditions" {
  default = true
}

variable "tags" {
  default = {}
}

data "aws_caller_identity" "current" {}

locals {
  teams = { for name, team in coalesce(var.teams, {}) : name => team }
  made  = { for name, team in local.teams : name => team if try(team.create_iam_role, true) }
  attached = flatten([
    for name, team in local.made : [for arn in try(team.additional_iam_policy_arns, []) : { team = name, policy = arn }]
  ])
}

resource "aws_emrcontainers_virtual_cluster" "team" {
  for_each = local.teams
  name     = "${var.eks_cluster_name}-${each.key}"
  tags     = var.tags

  container_provider {
    id   = var.eks_cluster_name
    type = "EKS"

    info {
      eks_info {
        namespace = try(coalesce(each.value.namespace), "emr-${each.key}")
      }
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = var.enable_pod_identity_trust_conditions ? [1] : []
      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }
}

resource "aws_iam_role" "job_execution" {
  for_each           = local.made
  name               = each.value.iam_role_name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "additional" {
  count      = length(local.attached)
  role       = aws_iam_role.job_execution[local.attached[count.index].team].name
  policy_arn = local.attached[count.index].policy
}

output "job_execution_role_arns" {
  value = {
    for name, team in local.teams :
    name => try(team.create_iam_role, true) ? aws_iam_role.job_execution[name].arn : team.existing_iam_role_arn
  }
}

output "virtual_clusters" {
  value = { for name, cluster in aws_emrcontainers_virtual_cluster.team : name => { id = cluster.id, arn = cluster.arn, name = cluster.name } }
}

output "namespaces" {
  value = { for name, team in local.teams : name => try(coalesce(team.namespace), "emr-${name}") }
}
