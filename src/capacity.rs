//! Will these pods fit these nodes?
//!
//! A job becomes pods ([`demand`]), a cluster becomes nodes with what is left on each ([`supply`]) and nodes that may
//! be added ([`pool`]), and [`mod@fit`] answers as the scheduler would: fits, fits if packed well, short, or unknown,
//! with the sum that shows it. *Fits* and *short* are said only when proved. Where a number could not be read, a pod
//! template was not given or it is not known what an autoscaler may add, the answer is unknown and says why.
//! [`remedy`] finds the smallest changes after which the pods fit, and [`mod@picture`]
//! draws the nodes.
//!
//! Nothing here knows of estates or rules: the inputs are the objects that `aws … --output json` and
//! `kubectl get … -o json` print.
//!
//! Deliberately absent: GPUs, ephemeral storage, and whether EC2 has instances to give. Where a demand shows one of
//! these, it lands in [`Demand::unknown`] and the answer is never *fits*.

pub mod affinity;
pub mod demand;
pub mod emr_on_ec2;
pub mod fargate;
pub mod fit;
pub mod picture;
pub mod pool;
pub mod quantity;
pub mod quota;
pub mod remedy;
pub mod serverless;
pub mod supply;
pub mod what_if;

pub use demand::{Demand, Dynamic, Language, PodDemand, Role, Toleration};
pub use fit::{Added, Binding, Fit, Outcome, Placed, Shortage, fit};
pub use pool::{Pool, Shape};
pub use supply::{Held, HeldPod, Listing, Node, Room, Supply, Taint, Taken, held_by};
