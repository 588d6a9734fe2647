//! Tests of the front end for Terraform.
