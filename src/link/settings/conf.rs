//! Settings that contradict what they run on.
//!
//! A heap below what Spark starts with, packages that were built for another Spark or another Scala, credentials that
//! are the node's and not the job's or are to last too long, and names that only one run at a time can have.
//!
//! Deliberately absent: what would make a job slow and not fail.

use super::Setting;

/// What is known of the Spark that will read the settings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runs<'a> {
    /// Major and minor as one number, 3005 for 3.5.
    pub(super) spark: Option<u64>,
    /// Whether it is EMR's own build.
    pub(super) emr: bool,
    /// The image, where one is named.
    pub(super) image: &'a str,
}

type Found = Vec<(String, String)>;

/// Bytes that a driver or an executor must have as its heap: 300 MB that are reserved, and half as much again.
const LEAST_HEAP: u64 = 471_859_200;

/// Heaps with which Spark refuses to start.
pub(super) fn small_heaps(settings: &[Setting]) -> Found {
    // Settings for tests take the bound away.
    if settings.iter().any(|(key, ..)| key.starts_with("spark.testing")) {
        return Vec::new();
    }
    let heaps = ["spark.driver.memory", "spark.executor.memory", "driver.memory", "executor.memory"];
    let small = settings.iter().filter(|(key, value, _)| {
        heaps.contains(&key.as_str()) && heap_bytes(value).is_some_and(|bytes| bytes < LEAST_HEAP)
    });
    small.map(|(key, value, at)| (format!("{key}={value}"), at.clone())).collect()
}

/// Images whose names say another release of EMR than the one that the job asks for.
pub(super) fn images_of_other_releases(settings: &[Setting], asked: Option<&str>) -> Found {
    let Some(asked) = asked.and_then(major_and_minor) else { return Vec::new() };
    let images = settings.iter().filter(|(key, ..)| {
        matches!(
            key.as_str(),
            "spark.kubernetes.container.image"
                | "spark.kubernetes.driver.container.image"
                | "spark.kubernetes.executor.container.image"
        )
    });
    let others = images.filter(|(_, image, _)| release_in(image).is_some_and(|release| release != asked));
    others.map(|(_, image, at)| (image.clone(), at.clone())).collect()
}

/// Major and minor of the EMR release that the last part of an image's name tells: `emr6.5_custom`, `emr-7.2.0-java17`.
fn release_in(image: &str) -> Option<(u32, u32)> {
    let name = image.split('@').next()?.rsplit('/').next()?.to_ascii_lowercase();
    let mut told = name.match_indices("emr").filter_map(|(at, word)| {
        let rest = name.get(at + word.len()..)?;
        major_and_minor(rest.strip_prefix(['-', '_']).unwrap_or(rest))
    });
    let first = told.next()?;
    // A name that tells two says nothing.
    told.all(|other| other == first).then_some(first)
}

fn major_and_minor(text: &str) -> Option<(u32, u32)> {
    let version = super::number(text);
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (5..20).contains(&major).then_some((major, minor))
}

/// The size of a heap as Spark reads it: MiB where there is no unit.
fn heap_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit {
        "k" | "kb" => 10,
        "" | "m" | "mb" | "mi" => 20,
        "g" | "gb" | "gi" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1_u64.checked_shl(shift)?)
}

/// The packages that a setting or a list names, one by one.
pub(super) fn packages(settings: &[Setting]) -> Vec<(String, String)> {
    let named = settings.iter().filter(|(key, ..)| key == "spark.jars.packages" || key == "deps.packages");
    named
        .flat_map(|(_, value, at)| value.split(',').map(|one| (one.trim().to_owned(), at.clone())))
        .filter(|(one, _)| !one.is_empty())
        .collect()
}

/// The packages that were built for another Spark than the one that runs.
pub(super) fn packages_of_others(packages: &[(String, String)], runs: Runs<'_>) -> Found {
    let Some(spark) = runs.spark else { return Vec::new() };
    packages.iter().filter(|(one, _)| is_for_another(one, spark, runs.emr)).cloned().collect()
}

fn is_for_another(coordinate: &str, spark: u64, emr: bool) -> bool {
    let mut parts = coordinate.split(':');
    let (Some(group), Some(artifact), version) = (parts.next(), parts.next(), parts.next().unwrap_or_default()) else {
        return false;
    };
    let (name, scala) = artifact.rsplit_once('_').unwrap_or((artifact, ""));
    // EMR builds Spark 3 with Scala 2.12 alone; Apache also published it with 2.13.
    let fits_scala = match scala {
        "2.11" => spark < 3000,
        "2.12" => (2004..4000).contains(&spark),
        "2.13" => spark >= 4000 || !emr && spark >= 3002,
        _ => true,
    };
    let of = |text: &str| {
        let mut numbers = text.split('.').map(|part| part.parse::<u64>().ok());
        Some(numbers.next()??.checked_mul(1000)?.saturating_add(numbers.next()??))
    };
    let built_for = if let Some(rest) = name.strip_prefix("iceberg-spark-runtime-") {
        of(rest)
    } else if let Some(rest) = name.strip_prefix("hudi-spark").and_then(|rest| rest.strip_suffix("-bundle")) {
        of(rest)
    } else if group == "org.apache.spark" {
        of(version)
    } else {
        None
    };
    !fits_scala || built_for.is_some_and(|built_for| built_for != spark)
}

/// Providers that give a pod the credentials of its node, and no others.
pub(super) fn node_credentials(settings: &[Setting]) -> Found {
    let of_the_node = settings.iter().filter(|(key, value, _)| {
        let names_providers = key.contains("fs.s3a.") && key.ends_with("aws.credentials.provider");
        let mut providers = value.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
        names_providers
            && providers.peek().is_some()
            && providers.all(|name| name.ends_with("InstanceProfileCredentialsProvider"))
    });
    of_the_node.map(|(key, _, at)| (key.clone(), at.clone())).collect()
}

/// Sessions of another role that are to last longer than the hour which STS gives to those who have the session of a
/// role already. S3A begins from keys unless it is told otherwise, and who has the keys of a user has no session yet.
pub(super) fn long_sessions(settings: &[Setting]) -> Found {
    const HOUR: u64 = 3600;
    let from_a_role = settings.iter().any(|(key, value, _)| {
        let roles = ["WebIdentity", "InstanceProfile", "IAMInstance", "Container", "DefaultCredentials", "DefaultAWS"];
        key.ends_with("fs.s3a.assumed.role.credentials.provider")
            && roles.iter().any(|name| value.contains(name))
            && !value.contains("Simple")
    });
    let long = settings.iter().filter(|(key, value, _)| {
        if key.ends_with("fs.s3a.assumed.role.session.duration") {
            from_a_role && seconds(value).is_some_and(|seconds| seconds > HOUR)
        } else {
            key.starts_with("spark.sql.catalog.")
                && key.ends_with(".client.assume-role.timeout-sec")
                && value.trim().parse::<u64>().is_ok_and(|seconds| seconds > HOUR)
        }
    });
    long.map(|(key, value, at)| (format!("{key}={value}"), at.clone())).collect()
}

/// A time as Hadoop reads it: seconds where there is no unit.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let each = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(each)
}

/// Requests for CPU that are less than a quarter of the cores on which the pod works.
pub(super) fn small_requests(settings: &[Setting]) -> Found {
    let mut found = Found::new();
    for part in ["driver", "executor"] {
        let of = |names: [String; 2]| settings.iter().find(|(key, ..)| names.contains(key));
        let cores = of([format!("{part}.cores"), format!("spark.{part}.cores")]);
        let request = of([format!("{part}.coreRequest"), format!("spark.kubernetes.{part}.request.cores")]);
        // One core, unless somebody says otherwise.
        let cores = cores.map_or(Some(1000), |(_, value, _)| cpu_milli(value));
        if let Some((key, value, at)) = request
            && let (Some(cores), Some(asked)) = (cores, cpu_milli(value))
            && asked.saturating_mul(4) < cores
        {
            found.push((format!("{key}={value}"), at.clone()));
        }
    }
    found
}

/// CPU as Kubernetes reads it, in thousandths.
fn cpu_milli(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Some(milli) = text.strip_suffix('m') {
        return milli.parse().ok();
    }
    let cores = text.parse::<f64>().ok().filter(|cores| (0.0..1e6).contains(cores))?;
    format!("{:.0}", cores * 1000.0).parse().ok()
}

/// Names of pods that two runs at once cannot both have.
pub(super) fn fixed_names(settings: &[Setting]) -> Found {
    let keys = ["spark.kubernetes.driver.pod.name", "spark.kubernetes.executor.podNamePrefix"];
    let fixed = settings.iter().filter(|(key, value, _)| {
        keys.contains(&key.as_str()) && !value.is_empty() && !value.contains(['$', '{', '<'])
    });
    fixed.map(|(key, value, at)| (format!("{key}={value}"), at.clone())).collect()
}

/// Settings that Kubeflow's webhook refuses, because a field of the application or the operator has them.
const REFUSED: [&str; 13] = [
    "spark.kubernetes.authenticate.driver.serviceAccountName",
    "spark.kubernetes.authenticate.executor.serviceAccountName",
    "spark.kubernetes.authenticate.oauthTokenFile",
    "spark.kubernetes.authenticate.oauthToken",
    "spark.kubernetes.authenticate.driver.oauthTokenFile",
    "spark.kubernetes.authenticate.driver.oauthToken",
    "spark.kubernetes.authenticate.executor.oauthTokenFile",
    "spark.kubernetes.authenticate.executor.oauthToken",
    "spark.master",
    "spark.kubernetes.driver.master",
    "spark.kubernetes.container.image",
    "spark.kubernetes.driver.container.image",
    "spark.kubernetes.executor.container.image",
];

/// What of the configuration the operator's webhook refuses, in a namespace.
pub(super) fn refused(settings: &[Setting], namespace: Option<&str>) -> Found {
    let is_refused = |(key, value, _): &&Setting| {
        let elsewhere = key == "spark.kubernetes.namespace"
            && namespace.is_some_and(|own| own != value && !own.contains('$') && !value.contains('$'));
        elsewhere || REFUSED.contains(&key.as_str())
    };
    settings.iter().filter(is_refused).map(|(key, _, at)| (key.clone(), at.clone())).collect()
}

/// Packages that are to be fetched into the home of a user who has none: that of Apache's image.
pub(super) fn homeless_packages(packages: &[(String, String)], settings: &[Setting], runs: Runs<'_>) -> Found {
    let has_home = settings.iter().any(|(key, value, _)| {
        key == "spark.jars.ivy" || key.ends_with("extraJavaOptions") && value.contains("ivy.home")
    });
    let name = runs.image.split(['@', ':']).next().unwrap_or_default();
    let of_apache =
        ["apache/spark", "apache/spark-py", "gcr.io/spark-operator/spark", "gcr.io/spark-operator/spark-py"];
    let is_apache = name == "spark" || of_apache.iter().any(|of| name == *of || name.ends_with(&format!("/{of}")));
    if has_home || !is_apache { Vec::new() } else { packages.iter().take(1).cloned().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(list: &[(&str, &str)]) -> Vec<Setting> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned(), String::new())).collect()
    }

    #[test]
    fn releases_that_images_tell() {
        for (image, release, told) in [
            ("1.dkr.ecr.x.amazonaws.com/emr6.5_custom_boto3:latest", "6.2.0-latest", true),
            ("1.dkr.ecr.x.amazonaws.com/emr6.5_custom_boto3:latest", "6.5.0-latest", false),
            ("x/eks-spark-benchmark:emr6.5", "6.15.0-latest", true),
            ("x/spark/emr-7.2.0-java17:latest", "7.2.0-latest", false),
            ("emr-6.5/benchmark:7", "6.15.0-latest", false),
            ("x/emr-on-eks:3.4.1", "6.15.0-latest", false),
            ("x/emr-eks-rss:3.4.1", "6.15.0-latest", false),
            ("x/emr7:1", "6.15.0-latest", false),
            ("x/from-emr6.5-to-emr6.9:1", "6.15.0-latest", false),
            ("${REGISTRY}/emr-6.5:1", "6.15.0-latest", true),
        ] {
            let all = settings(&[("spark.kubernetes.container.image", image)]);
            assert_eq!(!images_of_other_releases(&all, Some(release)).is_empty(), told, "{image} {release}");
        }
    }

    #[test]
    fn heaps_that_spark_refuses() {
        for (value, small) in [
            ("449m", true),
            ("450m", false),
            ("512", false),
            ("256", true),
            ("400000k", true),
            ("1g", false),
            ("${MEMORY}", false),
            ("", false),
            ("99999999999999999999g", false),
            ("18446744073709551615g", false),
        ] {
            assert_eq!(small_heaps(&settings(&[("spark.driver.memory", value)])).len(), usize::from(small), "{value}");
        }
        assert!(small_heaps(&settings(&[("driver.memory", "1m"), ("spark.testing.reservedMemory", "1")])).is_empty());
    }

    #[test]
    fn packages_and_what_they_were_built_for() {
        for (coordinate, spark, emr, other) in [
            ("org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.6.1", 3005, true, false),
            ("org.apache.iceberg:iceberg-spark-runtime-3.4_2.12:1.6.1", 3005, true, true),
            ("org.apache.iceberg:iceberg-spark-runtime-3.5_2.13:1.6.1", 3005, true, true),
            ("org.apache.iceberg:iceberg-spark-runtime-3.5_2.13:1.6.1", 3005, false, false),
            ("org.apache.spark:spark-avro_2.12:3.3.1", 3005, true, true),
            ("org.apache.spark:spark-avro_2.12:3.5.1", 3005, true, false),
            ("org.apache.spark:spark-avro_2.12:3.5.1", 4000, false, true),
            ("org.apache.hudi:hudi-spark3.4-bundle_2.12:0.14", 3005, true, true),
            ("org.apache.hudi:hudi-spark3-bundle_2.12:0.12", 3005, true, false),
            ("org.apache.hadoop:hadoop-aws:3.3.4", 3005, true, false),
            ("io.delta:delta-spark_2.12:3.2.0", 3005, true, false),
            ("a:b_2.11:1", 3000, false, true),
            ("org.apache.spark:spark-avro_2.12:${V}", 3005, true, false),
            ("nonsense", 3005, true, false),
        ] {
            assert_eq!(is_for_another(coordinate, spark, emr), other, "{coordinate} {spark}");
        }
    }

    #[test]
    fn credentials_names_and_keys() {
        let key = "spark.hadoop.fs.s3a.aws.credentials.provider";
        for (value, node) in [
            ("com.amazonaws.auth.InstanceProfileCredentialsProvider", 1),
            ("a.InstanceProfileCredentialsProvider, b.WebIdentityTokenCredentialsProvider", 0),
            ("com.amazonaws.auth.DefaultAWSCredentialsProviderChain", 0),
            ("", 0),
        ] {
            assert_eq!(node_credentials(&settings(&[(key, value)])).len(), node, "{value}");
        }
        let name = "spark.kubernetes.driver.pod.name";
        assert_eq!(fixed_names(&settings(&[(name, "driver"), (name, "driver-${ID}")])).len(), 1);
        let own = settings(&[("spark.master", "k8s://x"), ("spark.kubernetes.namespace", "a"), ("spark.x", "y")]);
        assert_eq!(refused(&own, Some("a")).len(), 1);
        assert_eq!(refused(&own, Some("b")).len(), 2);
    }

    #[test]
    fn sessions_of_other_roles() {
        let iceberg = "spark.sql.catalog.lake.client.assume-role.timeout-sec";
        for (value, long) in [("3600", 0), ("3601", 1), ("", 0), ("${TIME}", 0), ("99999999999999999999", 0)] {
            assert_eq!(long_sessions(&settings(&[(iceberg, value)])).len(), long, "{value}");
        }
        let (duration, provider) = (
            "spark.hadoop.fs.s3a.assumed.role.session.duration",
            "spark.hadoop.fs.s3a.assumed.role.credentials.provider",
        );
        let web = "com.amazonaws.auth.WebIdentityTokenCredentialsProvider";
        for (value, from, long) in [
            ("2h", web, 1),
            ("61m", web, 1),
            ("60m", web, 0),
            ("1d", "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider", 0),
            ("2h", "", 0),
            ("2 h", web, 0),
        ] {
            assert_eq!(long_sessions(&settings(&[(duration, value), (provider, from)])).len(), long, "{value} {from}");
        }
    }

    #[test]
    fn requests_for_cpu() {
        let (cores, request) = ("spark.executor.cores", "spark.kubernetes.executor.request.cores");
        for (has, asks, small) in [
            ("4", "900m", 1),
            ("4", "1", 0),
            ("4", "0", 1),
            ("1", "0.2", 1),
            ("1", "0.25", 0),
            ("${CORES}", "100m", 0),
            ("4", "", 0),
            ("4", "NaN", 0),
            ("99999999999999999999", "1", 0),
        ] {
            assert_eq!(small_requests(&settings(&[(cores, has), (request, asks)])).len(), small, "{has} {asks}");
        }
        assert_eq!(small_requests(&settings(&[(cores, "4")])).len(), 0);
        assert_eq!(small_requests(&settings(&[("driver.coreRequest", "100m")])).len(), 1);
    }

    #[test]
    fn homes_for_packages() {
        let one = [("a:b:1".to_owned(), String::new())];
        for (image, conf, found) in [
            ("apache/spark:4.0.0", "spark.x", 1),
            ("docker.io/apache/spark-py:v3.4.0", "spark.x", 1),
            ("apache/spark:4.0.0", "spark.jars.ivy", 0),
            ("1.dkr.ecr.us-east-1.amazonaws.com/spark/emr-7.12.0:latest", "spark.x", 0),
            ("mine/apache-spark:1", "spark.x", 0),
            ("", "spark.x", 0),
        ] {
            let runs = Runs { image, ..Runs::default() };
            assert_eq!(homeless_packages(&one, &settings(&[(conf, "/tmp")]), runs).len(), found, "{image} {conf}");
        }
    }
}
