//! How AWS decides: may this principal do this, and who may assume this role?

pub mod trust;
