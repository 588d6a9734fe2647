//! Each step by itself, on exports of several sizes.

#![allow(clippy::unwrap_used, reason = "a bench, like a test, has nobody to report to")]

mod estate;

use divan::{Bencher, counter::BytesCount};
use estate::Size;
use sparkcheck::read::{Input, Options};
use sparkcheck::report::sarif::SarifOptions;
use sparkcheck::report::{human, json, sarif};
use sparkcheck::{examine, link, read, rule};

fn main() {
    divan::main();
}

const SIZES: [(usize, usize); 4] = [(1_000, 1), (1_000, 10), (10_000, 10), (1_000, 100)];

/// An export in a folder that lasts as long as this does.
struct Export {
    folder: tempfile::TempDir,
    bytes: u64,
}

impl Export {
    fn of((roles, clusters): (usize, usize)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bytes = estate::write(folder.path(), Size { roles, clusters, declared: false }).unwrap();
        Self { folder, bytes }
    }

    fn read(&self) -> sparkcheck::estate::Estate {
        let options = Options { clock: Some("2026-03-01".into()), ..Options::default() };
        read::read(&[Input::Path(self.folder.path().to_path_buf())], &options).unwrap()
    }
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn reading(bencher: Bencher, size: (usize, usize)) {
    let export = Export::of(size);
    bencher.counter(BytesCount::new(export.bytes as usize)).bench_local(|| export.read());
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn linking(bencher: Bencher, size: (usize, usize)) {
    let export = Export::of(size);
    bencher.with_inputs(|| export.read()).bench_local_values(link::link);
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn checking(bencher: Bencher, size: (usize, usize)) {
    let linked = link::link(Export::of(size).read());
    let rules = rule::builtin_for(&linked.systems());
    bencher.bench_local(|| sparkcheck::check::check(&rules, &linked).len());
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn examining(bencher: Bencher, size: (usize, usize)) {
    let export = Export::of(size);
    let linked = link::link(export.read());
    let rules = rule::builtin_for(&linked.systems());
    bencher.bench_local(|| examine(&linked, &rules));
}

#[divan::bench(args = ["human", "json", "sarif"], sample_count = 10, sample_size = 1)]
fn rendering(bencher: Bencher, format: &str) {
    let export = Export::of((1_000, 100));
    let linked = link::link(export.read());
    let rules = rule::builtin_for(&linked.systems());
    let report = examine(&linked, &rules);
    bencher.bench_local(|| match format {
        "human" => human::render(&report, &estate::LOOK),
        "json" => json::render(&report),
        _ => sarif::render(&report, &SarifOptions::default()),
    });
}
