//! How much longer than parsing: a table of ratios, for the README.
//!
//! `parse` is `serde_json::from_slice::<Value>` of every file of the export, one after the other; the
//! other columns are cumulative and are told as multiples of it. The last table starts the program on
//! small fixtures, as often as `true`. Each figure is the best of several runs: whatever else the
//! machine does only ever adds to one.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench, like a test, has nobody to report to")]

mod estate;

use estate::Size;
use serde_json::Value;
use sparkcheck::read::{Input, Options};
use sparkcheck::{examine, link, read, report, rule};
use std::hint::black_box;
use std::mem::forget;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let only: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    println!("roles    clusters  rollouts  MB      parse ms  read   + link  + check  + human  json   sarif");
    for roles in [1_000, 10_000, 100_000] {
        for clusters in [1, 10, 100] {
            row(Size { roles, clusters, declared: false }, &only);
        }
    }
    row(Size { roles: FIFTY_MEGABYTES, clusters: 10, declared: false }, &only);
    row(Size { roles: FIFTY_MEGABYTES, clusters: 10, declared: true }, &only);
    row(Size { roles: 1_000, clusters: 100, declared: true }, &only);
    start();
}

/// So many roles make an export of 50 MB.
const FIFTY_MEGABYTES: usize = 17_800;

fn row(size: Size, only: &[usize]) {
    if !only.is_empty() && !only.contains(&size.roles) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bytes = estate::write(folder.path(), size).unwrap();
    let texts: Vec<Vec<u8>> = files(folder.path()).iter().map(|path| std::fs::read(path).unwrap()).collect();
    let runs = if bytes > 100 << 20 { 2 } else { 5 };
    let parse =
        best(runs, || texts.iter().map(|text| serde_json::from_slice::<Value>(text).unwrap()).collect::<Vec<_>>());
    drop(texts);
    let inputs = [Input::Path(folder.path().to_path_buf())];
    let options = Options { clock: Some("2026-03-01".into()), ..Options::default() };
    let read = || read::read(&inputs, &options).unwrap();
    let rules = |linked: &link::Linked| rule::builtin_for(&linked.systems());
    let reading = best(runs, read);
    let linking = best(runs, || link::link(read()));
    let linked = link::link(read());
    let rules = rules(&linked);
    let checking = best(runs, || {
        let linked = link::link(read());
        forget(examine(&linked, &rules));
        linked
    });
    let report = examine(&linked, &rules);
    let human = best(runs, || report::human::render(&report, &estate::LOOK));
    let json = best(runs, || report::json::render(&report));
    let sarif = best(runs, || report::sarif::render(&report, &report::sarif::SarifOptions::default()));
    let ratio = |time: Duration| time.as_secs_f64() / parse.as_secs_f64();
    println!(
        "{:<7}  {:<8}  {:<8}  {:<6.1}  {:<8.1}  {:<5.2}  {:<6.2}  {:<7.2}  {:<7.2}  {:<5.2}  {:<5.2}",
        size.roles,
        size.clusters,
        format!("{}{}", report.rollouts.len(), if size.declared { " d" } else { "" }),
        bytes as f64 / 1e6,
        parse.as_secs_f64() * 1e3,
        ratio(reading),
        ratio(linking),
        ratio(checking),
        ratio(human),
        ratio(json),
        ratio(sarif),
    );
}

/// The shortest of several runs, without the time for taking the result apart.
fn best<T>(runs: usize, mut work: impl FnMut() -> T) -> Duration {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        let done = black_box(work());
        let time = start.elapsed();
        drop(done);
        time
    });
    times.min().unwrap_or_default()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found
}

/// The program from start to finish on small fixtures, as a multiple of starting `true`.
fn start() {
    const RUNS: usize = 300;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let program = env!("CARGO_BIN_EXE_sparkcheck");
    println!("\nfixture                      KB     `true` ms  ratio");
    for name in ["serverless-nightly-mended", "the-live-run-mended"] {
        let path = fixtures.join(name);
        let size: u64 = files(&path).iter().map(|path| path.metadata().unwrap().len()).sum();
        let (mut nothing, mut checked) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            nothing.push(spawn(&mut Command::new("true")));
            checked.push(spawn(Command::new(program).args(["--today", "2026-03-01"]).arg(&path)));
        }
        let (nothing, checked) = (median(nothing), median(checked));
        println!("{name:<27}  {:<5}  {:<9.2}  {:.2}", size / 1000, nothing * 1e3, checked / nothing);
    }
}

fn spawn(command: &mut Command) -> f64 {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
