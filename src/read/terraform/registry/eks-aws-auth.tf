# terraform-aws-modules/eks/aws//modules/aws-auth: who may enter the cluster, in its ConfigMap.

variable "create" {
  default = true
}

variable "manage_aws_auth_configmap" {
  default = true
}

variable "create_aws_auth_configmap" {
  default = false
}

variable "aws_auth_roles" {
  default = []
}

variable "aws_auth_users" {
  default = []
}

resource "kubernetes_config_map_v1_data" "aws_auth" {
  count = var.create && (var.manage_aws_auth_configmap || var.create_aws_auth_configmap) ? 1 : 0
  metadata {
    name      = "aws-auth"
    namespace = "kube-system"
  }
  data = {
    mapRoles = yamlencode(var.aws_auth_roles)
    mapUsers = yamlencode(var.aws_auth_users)
  }
}
