//! A live run against an AWS that takes 20 ms for each answer: calls, and time beside the slowest chain.
//!
//! Calls that need nothing of each other are made at the same time, so a run should take little longer
//! than its longest chain of calls that do: who one is, the clusters, their node groups, one of these;
//! or the pages of the account's roles. What follows beyond that is waiting for a place among the calls
//! that are made at once.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench, like a test, has nobody to report to")]
#![allow(dead_code, reason = "the server can do more than is measured here")]

#[path = "../tests/live/account.rs"]
mod account;
#[path = "../tests/live/server.rs"]
mod server;

use account::{config, large, least};
use server::Server;
use sparkcheck::read::live::aws::{Options, read};
use sparkcheck::read::live::demand::demand;
use sparkcheck::read::live::plan::Plan;
use sparkcheck::rule::{System, builtin};
use std::time::{Duration, Instant};

const ANSWER: Duration = Duration::from_millis(20);
const PAGE: usize = 100;

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let plan = Plan::of(demand(&builtin(), &[System::EmrOnEks]));
    println!("roles   clusters   calls   least   run ms   chain ms   ratio");
    for (roles, clusters) in [(100, 1), (1000, 1), (1000, 20), (10_000, 20)] {
        let server = Server::start(large(roles, clusters), PAGE);
        server.slow(ANSWER);
        let mut fastest = Duration::MAX;
        let mut calls = 0;
        for _ in 0..3 {
            // Each run has connections of its own, as each process has.
            let options = Options { base: Some(config(&server.url)), ..Options::default() };
            let begun = Instant::now();
            read(&options, &plan).unwrap();
            fastest = fastest.min(begun.elapsed());
            // As the server counts them, with what was asked again.
            calls = server.seen().values().sum();
        }
        let chain = ANSWER * u32::try_from((1 + roles.div_ceil(PAGE)).max(4)).unwrap();
        println!(
            "{roles:>5}   {clusters:>8}   {calls:>5}   {:>5}   {:>6.0}   {:>8.0}   {:>5.1}",
            least(roles, clusters),
            fastest.as_secs_f64() * 1e3,
            chain.as_secs_f64() * 1e3,
            fastest.as_secs_f64() / chain.as_secs_f64()
        );
    }
}
