//! Will these pods fit these nodes?
//!
//! A job becomes pods ([`demand`]), a cluster becomes nodes with what is left on each ([`supply`]), and [`mod@fit`]
//! answers as the scheduler would: fits, fits if packed well, short, or unknown, with the sum that shows it. *Fits*
//! and *short* are said only when proved. Where a number could not be read, a pod template was not given or an
//! autoscaler may add nodes, the answer is unknown and says why.
//!
//! Nothing here knows of estates or rules: the inputs are the objects that `aws … --output json` and
//! `kubectl get … -o json` print.
//!
//! Deliberately absent, for now: pod and node affinity, topology spread, volumes and their zones, priorities and
//! preemption, ResourceQuota and LimitRange, GPUs and ephemeral storage, Fargate, and the nodes that an autoscaler
//! would make. Where a demand shows one of these, it lands in [`Demand::unknown`] and the answer is never *fits*.

pub mod demand;
pub mod fit;
pub mod quantity;
pub mod serverless;
pub mod supply;

pub use demand::{Demand, Dynamic, Language, PodDemand, Role, Toleration};
pub use fit::{Binding, Fit, Outcome, Shortage, fit};
pub use supply::{Held, HeldPod, Node, Supply, Taint, Taken, held_by};
