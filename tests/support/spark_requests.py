"""What Spark itself asks for: a table of configurations in, the requests of driver and executor out, as JSON.

Calls the classes of Spark that make pods (BasicDriverFeatureStep, BasicExecutorFeatureStep) in their own JVM.
"""

import json
import os
import sys

import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

JARS = os.path.join(os.path.dirname(pyspark.__file__), "jars", "*")
ALWAYS = {
    "spark.app.id": "a",
    "spark.app.name": "a",
    "spark.driver.host": "h",
    "spark.driver.port": "1",
    "spark.kubernetes.container.image": "i",
    "spark.kubernetes.namespace": "n",
}

port = launch_gateway(classpath=JARS, die_on_exit=True, java_path=os.environ.get("SPARKCHECK_JAVA", "java"))
gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auto_convert=True))
jvm = gateway.jvm
spark = jvm.org.apache.spark
k8s = spark.deploy.k8s
nothing = jvm.scala.Option.empty()


def companion(package, name):
    return getattr(getattr(package, name + "$"), "MODULE$")


secret_file = companion(spark.internal.config, "package").AUTH_SECRET_FILE()
profiles = companion(spark.resource, "ResourceProfile")


def main_resource(language):
    if language == "python":
        return k8s.submit.PythonMainAppResource("local:///a.py")
    if language == "r":
        return k8s.submit.RMainAppResource("local:///a.R")
    return k8s.submit.JavaMainAppResource(jvm.scala.Option.apply("local:///a.jar"))


def driver_conf(*common):
    try:
        return k8s.KubernetesDriverConf(*common)
    except Exception:  # Later versions are given a clock.
        return k8s.KubernetesDriverConf(*common, spark.util.SystemClock())


def asks(step):
    resources = step.configurePod(k8s.SparkPod.initialPod()).container().getResources()
    limit = resources.getLimits().get("cpu")
    return {
        "cpu": resources.getRequests().get("cpu").toString(),
        "memory": resources.getRequests().get("memory").toString(),
        "limit": limit and limit.toString(),
    }


def requests(case):
    conf = spark.SparkConf(False)
    for key, value in {**ALWAYS, **case["conf"]}.items():
        conf.set(key, value)
    language = case["language"]
    no_arguments = gateway.new_array(jvm.java.lang.String, 0)
    submitted = driver_conf(conf, "a", main_resource(language), "Main", no_arguments, nothing)
    step = k8s.features.BasicDriverFeatureStep(submitted)
    driver = asks(step)
    # In cluster mode the driver runs with what its feature steps add, and makes the executors by it.
    added = step.getAdditionalPodSystemProperties().toSeq()
    for at in range(added.size()):
        conf.set(added.apply(at)._1(), added.apply(at)._2())
    conf.set("spark.kubernetes.resource.type", "java" if language == "jvm" else language)
    profiles.clearDefaultProfile()
    profile = profiles.getOrCreateDefaultProfile(conf)
    made = k8s.KubernetesExecutorConf(conf, "a", "1", nothing, 0)
    security = spark.SecurityManager(conf, nothing, secret_file)
    executor = asks(k8s.features.BasicExecutorFeatureStep(made, security, profile))
    return {"driver": driver, "executor": executor}


answers = []
for case in json.load(sys.stdin):
    try:
        answers.append(requests(case))
    except Exception as error:
        answers.append({"error": str(error)[:500]})
json.dump(answers, sys.stdout)
gateway.shutdown()
