//! Will these pods fit these nodes?
