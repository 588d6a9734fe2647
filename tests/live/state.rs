//! What an account holds, as the AWS CLI prints it.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What an account holds: outputs of the CLI by operation and what they were asked of.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(super) outputs: BTreeMap<(String, String), Value>,
}

impl State {
    pub(crate) fn put(&mut self, operation: &str, of: &str, output: Value) {
        self.outputs.insert((operation.to_owned(), of.to_owned()), output);
    }

    /// Makes each role of the account known by itself, too.
    #[allow(dead_code, reason = "not for every test")]
    pub(crate) fn role_by_role(&mut self) {
        let details = self.outputs[&("iam:GetAccountAuthorizationDetails".to_owned(), String::new())].clone();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        for role in details["RoleDetailList"].as_array().unwrap() {
            let (name, mut own) = (text(role, "RoleName"), role.clone());
            own.as_object_mut().unwrap().retain(|key, _| key != "RolePolicyList" && key != "AttachedManagedPolicies");
            self.put("iam:GetRole", &name, json!({"Role": own}));
            let inline = role["RolePolicyList"].as_array().unwrap();
            let names: Vec<&Value> = inline.iter().map(|policy| &policy["PolicyName"]).collect();
            self.put("iam:ListRolePolicies", &name, json!({"PolicyNames": names}));
            self.put(
                "iam:ListAttachedRolePolicies",
                &name,
                json!({"AttachedPolicies": role["AttachedManagedPolicies"]}),
            );
            for policy in inline {
                let of = format!("{name} {}", text(policy, "PolicyName"));
                let mut policy = policy.clone();
                policy["RoleName"] = name.clone().into();
                self.put("iam:GetRolePolicy", &of, policy);
            }
        }
        for policy in details["Policies"].as_array().unwrap() {
            let (arn, mut own) = (text(policy, "Arn"), policy.clone());
            own.as_object_mut().unwrap().remove("PolicyVersionList");
            self.put("iam:GetPolicy", &arn, json!({"Policy": own}));
            for version in policy["PolicyVersionList"].as_array().into_iter().flatten() {
                let of = format!("{arn} {}", text(version, "VersionId"));
                self.put("iam:GetPolicyVersion", &of, json!({"PolicyVersion": version}));
            }
        }
    }

    /// Changes what was recorded.
    #[allow(dead_code, reason = "not for every test")]
    pub(crate) fn change(&mut self, operation: &str, of: &str, change: impl Fn(&mut Value)) {
        change(self.outputs.get_mut(&(operation.to_owned(), of.to_owned())).unwrap());
    }

    fn add(&mut self, operation: &str, of: &str, list: &str, item: Value) {
        let output = self.outputs.entry((operation.to_owned(), of.to_owned())).or_insert_with(|| json!({list: []}));
        let items = output[list].as_array_mut().unwrap();
        if !items.contains(&item) {
            items.push(item);
        }
    }

    /// The state of which the export in a folder tells.
    pub(crate) fn of_export(folder: &Path, region: &str) -> Self {
        let mut state = Self::default();
        let mut documents = Vec::new();
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for path in files {
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = std::fs::read_to_string(&path).unwrap();
                if let Ok(document) = serde_json::from_str::<Value>(&text) {
                    documents.push((path.file_name().unwrap().to_string_lossy().into_owned(), document));
                }
            }
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        state.put("eks:ListClusters", "", json!({"clusters": []}));
        state.put("iam:ListInstanceProfiles", "", json!({"InstanceProfiles": []}));
        state.put("emr-containers:ListVirtualClusters", "", json!({"virtualClusters": []}));
        state.put("emr-serverless:ListApplications", "", json!({"applications": []}));
        state.put("emr:ListClusters", "", json!({"Clusters": []}));
        state.put(
            "emr:GetBlockPublicAccessConfiguration",
            "",
            json!({"BlockPublicAccessConfiguration": {"BlockPublicSecurityGroupRules": true},
                "BlockPublicAccessConfigurationMetadata": {"CreationDateTime": 1.7e9, "CreatedByArn": "arn:aws:iam::111122223333:root"}}),
        );
        for (service, code, name) in [
            ("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
            ("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"),
            ("emr-serverless", "L-D05C8A75", "Max concurrent vCPUs per account"),
        ] {
            let of = |document: &Value| document["Account"].as_str().map(str::to_owned);
            let account = documents.iter().find_map(|(_, document)| of(document)).unwrap_or_default();
            let quota = json!({"ServiceCode": service, "QuotaCode": code, "QuotaName": name, "Value": 512.0, "Unit": "None",
                "QuotaArn": format!("arn:aws:servicequotas:{region}:{account}:{service}/{code}"), "Adjustable": true});
            state.add("service-quotas:ListServiceQuotas", service, "Quotas", quota);
        }
        let mut clusters = Vec::new();
        for (_, document) in &documents {
            if let Some(cluster) = document.get("cluster") {
                clusters.push(text(&cluster["name"]));
            }
        }
        for cluster in &clusters {
            for (operation, list) in [
                ("eks:ListNodegroups", "nodegroups"),
                ("eks:ListAddons", "addons"),
                ("eks:ListAccessEntries", "accessEntries"),
                ("eks:ListPodIdentityAssociations", "associations"),
                ("eks:ListFargateProfiles", "fargateProfileNames"),
            ] {
                state.put(operation, cluster, json!({list: []}));
            }
        }
        for (name, document) in documents {
            let cluster = clusters
                .iter()
                .find(|cluster| name.contains(cluster.as_str()))
                .or(clusters.first())
                .cloned()
                .unwrap_or_default();
            state.take_in(document, &cluster);
        }
        state
    }

    fn take_in(&mut self, document: Value, cluster: &str) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let has = |key: &str| document.get(key).is_some();
        if has("UserId") {
            self.put("sts:GetCallerIdentity", "", document);
        } else if has("RoleDetailList") {
            self.put("iam:GetAccountAuthorizationDetails", "", document);
        } else if has("OpenIDConnectProviderList") {
            self.put("iam:ListOpenIDConnectProviders", "", document);
        } else if has("Url") {
            self.put("iam:GetOpenIDConnectProvider", &text(&document["Url"]), document);
        } else if has("InstanceProfiles") {
            self.put("iam:ListInstanceProfiles", "", document);
        } else if has("cluster") {
            let name = text(&document["cluster"]["name"]);
            self.add("eks:ListClusters", "", "clusters", name.clone().into());
            self.put("eks:DescribeCluster", &name, document);
        } else if let Some(nodegroup) = document.get("nodegroup") {
            let (of, name) = (text(&nodegroup["clusterName"]), text(&nodegroup["nodegroupName"]));
            self.add("eks:ListNodegroups", &of, "nodegroups", name.clone().into());
            self.put("eks:DescribeNodegroup", &format!("{of} {name}"), document);
        } else if let Some(addon) = document.get("addon") {
            let (of, name) = (text(&addon["clusterName"]), text(&addon["addonName"]));
            self.add("eks:ListAddons", &of, "addons", name.clone().into());
            self.put("eks:DescribeAddon", &format!("{of} {name}"), document);
        } else if let Some(entry) = document.get("accessEntry") {
            let (of, name) = (text(&entry["clusterName"]), text(&entry["principalArn"]));
            self.add("eks:ListAccessEntries", &of, "accessEntries", name.clone().into());
            self.put("eks:DescribeAccessEntry", &format!("{of} {name}"), document);
        } else if has("associatedAccessPolicies") {
            let of = format!("{} {}", text(&document["clusterName"]), text(&document["principalArn"]));
            self.put("eks:ListAssociatedAccessPolicies", &of, document);
        } else if let Some(association) = document.get("association") {
            let (of, id) = (text(&association["clusterName"]), text(&association["associationId"]));
            let mut summary = association.clone();
            summary.as_object_mut().unwrap().remove("roleArn");
            self.add("eks:ListPodIdentityAssociations", &of, "associations", summary);
            self.put("eks:DescribePodIdentityAssociation", &format!("{of} {id}"), document);
        } else if let Some(Value::Array(names)) = document.get("nodegroups") {
            names.iter().for_each(|name| self.add("eks:ListNodegroups", cluster, "nodegroups", name.clone()));
        } else if let Some(Value::Array(names)) = document.get("addons") {
            names.iter().for_each(|name| self.add("eks:ListAddons", cluster, "addons", name.clone()));
        } else if let Some(Value::Array(names)) = document.get("accessEntries") {
            names.iter().for_each(|name| self.add("eks:ListAccessEntries", cluster, "accessEntries", name.clone()));
        } else if let Some(Value::Array(items)) = document.get("associations") {
            for item in items {
                let (id, mut summary) = (text(&item["associationId"]), item.clone());
                let of = item["clusterName"].as_str().unwrap_or(cluster).to_owned();
                summary.as_object_mut().unwrap().remove("roleArn");
                let known = &self.outputs.get(&("eks:ListPodIdentityAssociations".to_owned(), of.clone()));
                let known = known.is_some_and(|known| {
                    known["associations"].as_array().unwrap().iter().any(|one| one["associationId"] == id.as_str())
                });
                if !known {
                    self.add("eks:ListPodIdentityAssociations", &of, "associations", summary);
                }
                let key = ("eks:DescribePodIdentityAssociation".to_owned(), format!("{of} {id}"));
                self.outputs.entry(key).or_insert_with(|| json!({"association": item}));
            }
        } else if let Some(profile) = document.get("fargateProfile") {
            let (of, name) = (text(&profile["clusterName"]), text(&profile["fargateProfileName"]));
            self.add("eks:ListFargateProfiles", &of, "fargateProfileNames", name.clone().into());
            self.put("eks:DescribeFargateProfile", &format!("{of} {name}"), document);
        } else if let Some(Value::Array(names)) = document.get("fargateProfileNames") {
            names
                .iter()
                .for_each(|name| self.add("eks:ListFargateProfiles", cluster, "fargateProfileNames", name.clone()));
        } else if has("virtualClusters") {
            self.put("emr-containers:ListVirtualClusters", "", document);
        } else if let Some(Value::Array(runs)) = document.get("jobRuns") {
            for run in runs {
                match run["virtualClusterId"].as_str() {
                    Some(of) => self.add("emr-containers:ListJobRuns", of, "jobRuns", run.clone()),
                    None => {
                        self.add("emr-serverless:ListJobRuns", &text(&run["applicationId"]), "jobRuns", run.clone())
                    }
                }
            }
        } else if let Some(run) = document.get("jobRun") {
            if let Some(of) = run["virtualClusterId"].as_str() {
                self.add("emr-containers:ListJobRuns", of, "jobRuns", run.clone());
            } else {
                self.add("emr-serverless:ListJobRuns", &text(&run["applicationId"]), "jobRuns", run.clone());
            }
        } else if let Some(application) = document.get("application") {
            let mut summary = Map::new();
            for key in ["arn", "name", "type", "state", "releaseLabel", "createdAt", "updatedAt"] {
                summary.insert(key.to_owned(), application[key].clone());
            }
            summary.insert("id".to_owned(), application["applicationId"].clone());
            summary.retain(|_, value| !value.is_null());
            self.add("emr-serverless:ListApplications", "", "applications", summary.into());
            self.put("emr-serverless:GetApplication", &text(&application["applicationId"]), document);
        } else if let Some(cluster) = document.get("Cluster") {
            let summary = json!({"Id": cluster["Id"], "Name": cluster["Name"], "Status": cluster["Status"], "ClusterArn": cluster["ClusterArn"]});
            self.add("emr:ListClusters", "", "Clusters", summary);
            self.put("emr:DescribeCluster", &text(&cluster["Id"]), document);
        } else if has("Subnets") {
            self.put("ec2:DescribeSubnets", "", document);
        } else if has("RouteTables") {
            self.put("ec2:DescribeRouteTables", "", document);
        } else if has("VpcEndpoints") {
            self.put("ec2:DescribeVpcEndpoints", "", document);
        } else if has("SecurityGroups") {
            self.put("ec2:DescribeSecurityGroups", "", document);
        } else if has("BlockPublicAccessConfiguration") {
            self.put("emr:GetBlockPublicAccessConfiguration", "", document);
        }
    }

    /// Writes an export of everything that it holds, as the CLI prints it.
    pub(crate) fn write_export(&self, folder: &Path, answered: &BTreeMap<(String, String), usize>) {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).unwrap();
        for (number, (key, output)) in self.outputs.iter().filter(|(key, _)| answered.contains_key(*key)).enumerate() {
            let (operation, of) = key;
            let safe: String = of
                .chars()
                .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
                .collect();
            let words = operation.replace(':', "").chars().fold(String::new(), |mut words, letter| {
                if letter.is_ascii_uppercase() {
                    words.push('-');
                }
                words.push(letter.to_ascii_lowercase());
                words
            });
            let name = format!("{number:04}-{words}-{safe}.json");
            std::fs::write(folder.join(name), serde_json::to_string_pretty(output).unwrap()).unwrap();
        }
    }
}
