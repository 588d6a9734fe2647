# terraform-aws-modules/emr/aws: a cluster on EC2 with its service role and its instance profile.

variable "create" {
  default = true
}

variable "tags" {
  default = {}
}

variable "name" {
  default = ""
}

variable "release_label" {
  default = null
}

variable "applications" {
  default = []
}

variable "auto_termination_policy" {
  default = {}
}

variable "bootstrap_action" {
  default = {}
}

variable "configurations_json" {
  default = null
}

variable "ec2_attributes" {
  default = {}
}

variable "master_instance_group" {
  default = {}
}

variable "core_instance_group" {
  default = {}
}

variable "task_instance_group" {
  default = {}
}

variable "master_instance_fleet" {
  default = {}
}

variable "core_instance_fleet" {
  default = {}
}

variable "keep_job_flow_alive_when_no_steps" {
  default = null
}

variable "log_uri" {
  default = null
}

variable "termination_protection" {
  default = null
}

variable "visible_to_all_users" {
  default = null
}

variable "security_configuration_name" {
  default = null
}

variable "create_service_iam_role" {
  default = true
}

variable "service_iam_role_arn" {
  default = null
}

variable "service_iam_role_name" {
  default = null
}

variable "service_iam_role_policies" {
  default = { AmazonEMRServicePolicy_v2 = "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2" }
}

variable "create_iam_instance_profile" {
  default = true
}

variable "iam_instance_profile_name" {
  default = null
}

variable "iam_instance_profile_policies" {
  default = { AmazonElasticMapReduceforEC2Role = "arn:aws:iam::aws:policy/service-role/AmazonElasticMapReduceforEC2Role" }
}

variable "iam_role_use_name_prefix" {
  default = true
}

variable "iam_instance_profile_role_arn" {
  default = null
}

variable "create_managed_security_groups" {
  default = true
}

variable "vpc_id" {
  default = null
}

variable "iam_role_path" {
  default = null
}

locals {
  # The module tags what it makes for the managed policies of EMR.
  tags    = merge(var.tags, { "for-use-with-amazon-emr-managed-policies" = "true" })
  service = coalesce(var.service_iam_role_name, "${var.name}-service")
  profile = coalesce(var.iam_instance_profile_name, "${var.name}-instance")
  group   = length(coalesce(var.master_instance_fleet, {})) == 0
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_iam_policy_document" "service" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["elasticmapreduce.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:elasticmapreduce:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:*"]
    }
  }
}

data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole"]
    resources = compact([try(aws_iam_role.instance_profile[0].arn, var.iam_instance_profile_role_arn)])
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["application-autoscaling.amazonaws.com", "ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "pass" {
  count  = var.create && var.create_service_iam_role ? 1 : 0
  name   = "${var.name}-passrole"
  role   = aws_iam_role.service[0].name
  policy = data.aws_iam_policy_document.pass.json
}

resource "aws_security_group" "master" {
  count  = var.create && var.create_managed_security_groups ? 1 : 0
  vpc_id = var.vpc_id
  tags   = local.tags
}

resource "aws_security_group" "slave" {
  count  = var.create && var.create_managed_security_groups ? 1 : 0
  vpc_id = var.vpc_id
  tags   = local.tags
}

data "aws_iam_policy_document" "instance" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "service" {
  count               = var.create && var.create_service_iam_role ? 1 : 0
  name                = var.iam_role_use_name_prefix ? null : local.service
  name_prefix         = var.iam_role_use_name_prefix ? "${local.service}-" : null
  path                = var.iam_role_path
  managed_policy_arns = values(var.service_iam_role_policies)
  assume_role_policy  = data.aws_iam_policy_document.service.json
  tags                = local.tags
}

resource "aws_iam_role" "instance_profile" {
  count               = var.create && var.create_iam_instance_profile ? 1 : 0
  name                = var.iam_role_use_name_prefix ? null : local.profile
  name_prefix         = var.iam_role_use_name_prefix ? "${local.profile}-" : null
  path                = var.iam_role_path
  managed_policy_arns = values(var.iam_instance_profile_policies)
  assume_role_policy  = data.aws_iam_policy_document.instance.json
  tags                = local.tags
}

resource "aws_iam_instance_profile" "this" {
  count = var.create && var.create_iam_instance_profile ? 1 : 0
  name  = aws_iam_role.instance_profile[0].name
  role  = aws_iam_role.instance_profile[0].name
  path  = var.iam_role_path
}

resource "aws_emr_cluster" "this" {
  count                             = var.create ? 1 : 0
  name                              = var.name
  release_label                     = var.release_label == null ? data.aws_emr_release_labels.this.release_labels[0] : var.release_label
  applications                      = var.applications
  configurations_json               = var.configurations_json
  log_uri                           = var.log_uri
  keep_job_flow_alive_when_no_steps = var.keep_job_flow_alive_when_no_steps
  termination_protection            = var.termination_protection
  visible_to_all_users              = var.visible_to_all_users
  security_configuration            = var.security_configuration_name
  service_role                      = var.create_service_iam_role ? aws_iam_role.service[0].arn : var.service_iam_role_arn
  tags                              = local.tags

  ec2_attributes {
    key_name                          = try(var.ec2_attributes.key_name, null)
    subnet_id                         = try(var.ec2_attributes.subnet_id, null)
    subnet_ids                        = try(var.ec2_attributes.subnet_ids, null)
    instance_profile                  = var.create_iam_instance_profile ? aws_iam_instance_profile.this[0].arn : try(var.ec2_attributes.instance_profile, null)
    emr_managed_master_security_group = try(var.ec2_attributes.emr_managed_master_security_group, aws_security_group.master[0].id)
    emr_managed_slave_security_group  = try(var.ec2_attributes.emr_managed_slave_security_group, aws_security_group.slave[0].id)
    service_access_security_group     = try(var.ec2_attributes.service_access_security_group, null)
  }

  dynamic "auto_termination_policy" {
    for_each = length(coalesce(var.auto_termination_policy, {})) > 0 ? [var.auto_termination_policy] : []
    content {
      idle_timeout = try(auto_termination_policy.value.idle_timeout, null)
    }
  }
  dynamic "master_instance_group" {
    for_each = length(coalesce(var.master_instance_group, {})) > 0 ? [var.master_instance_group] : []
    content {
      name           = try(master_instance_group.value.name, null)
      instance_type  = master_instance_group.value.instance_type
      instance_count = try(master_instance_group.value.instance_count, null)
      bid_price      = try(master_instance_group.value.bid_price, null)
    }
  }
  dynamic "core_instance_group" {
    for_each = length(coalesce(var.core_instance_group, {})) > 0 ? [var.core_instance_group] : []
    content {
      name           = try(core_instance_group.value.name, null)
      instance_type  = core_instance_group.value.instance_type
      instance_count = try(core_instance_group.value.instance_count, null)
      bid_price      = try(core_instance_group.value.bid_price, null)
    }
  }
  dynamic "master_instance_fleet" {
    for_each = length(coalesce(var.master_instance_fleet, {})) > 0 ? [var.master_instance_fleet] : []
    content {
      name                      = try(master_instance_fleet.value.name, null)
      target_on_demand_capacity = try(master_instance_fleet.value.target_on_demand_capacity, null)
      target_spot_capacity      = try(master_instance_fleet.value.target_spot_capacity, null)
      instance_type_configs     = try(master_instance_fleet.value.instance_type_configs, [])
    }
  }
  dynamic "core_instance_fleet" {
    for_each = length(coalesce(var.core_instance_fleet, {})) > 0 ? [var.core_instance_fleet] : []
    content {
      name                      = try(core_instance_fleet.value.name, null)
      target_on_demand_capacity = try(core_instance_fleet.value.target_on_demand_capacity, null)
      target_spot_capacity      = try(core_instance_fleet.value.target_spot_capacity, null)
      instance_type_configs     = try(core_instance_fleet.value.instance_type_configs, [])
    }
  }
}

output "cluster_id" {
  value = try(aws_emr_cluster.this[0].id, null)
}

output "cluster_arn" {
  value = try(aws_emr_cluster.this[0].arn, null)
}

output "service_iam_role_arn" {
  value = try(aws_iam_role.service[0].arn, var.service_iam_role_arn)
}

output "service_iam_role_name" {
  value = try(aws_iam_role.service[0].name, null)
}

output "iam_instance_profile_arn" {
  value = try(aws_iam_instance_profile.this[0].arn, null)
}

output "iam_instance_profile_iam_role_arn" {
  value = try(aws_iam_role.instance_profile[0].arn, null)
}
