# aws-ia/eks-data-addons/aws: many charts; what a rollout depends on is what one of them makes of Karpenter's node classes
# and node pools.

variable "enable_karpenter_resources" {
  default = false
}

variable "karpenter_resources_helm_config" {
  default = {}
}

locals {
  karpenter = {
    for name, config in(var.enable_karpenter_resources ? coalesce(var.karpenter_resources_helm_config, {}) : {}) :
    name => try(yamldecode(config.values[0]), {})
  }
  classes = { for name, values in local.karpenter : name => values if can(values.ec2NodeClass.amiSelectorTerms) }
  pools   = { for name, values in local.karpenter : name => values if can(values.nodePool.requirements) }
}

resource "kubectl_manifest" "ec2_node_class" {
  for_each = local.classes
  yaml_body = yamlencode({
    apiVersion = "karpenter.k8s.aws/v1"
    kind       = "EC2NodeClass"
    metadata   = { name = try(each.value.name, each.key) }
    spec       = { amiSelectorTerms = each.value.ec2NodeClass.amiSelectorTerms }
  })
}

resource "kubectl_manifest" "node_pool" {
  for_each = local.pools
  yaml_body = yamlencode({
    apiVersion = "karpenter.sh/v1"
    kind       = "NodePool"
    metadata   = { name = try(each.value.name, each.key) }
    spec = {
      limits     = try(each.value.nodePool.limits, null)
      disruption = try(each.value.nodePool.disruption, null)
      weight     = try(each.value.nodePool.weight, null)
      template = {
        metadata = { labels = try(merge(each.value.nodePool.labels...), {}) }
        spec = {
          nodeClassRef = { group = "karpenter.k8s.aws", kind = "EC2NodeClass", name = try(each.value.name, each.key) }
          requirements = each.value.nodePool.requirements
          taints       = try(each.value.nodePool.taints, null)
        }
      }
    }
  })
}
