//! The nodes as a picture: for each a bar of what is taken and what the job adds, as text and as SVG.
//!
//! Deliberately absent: colour of terminals.

use super::fit::Fit;
use super::supply::{Node, Supply};
use crate::report::look::{Look, count, cut, display};
use crate::report::visible;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Nodes that are drawn; the others are counted.
const MOST_NODES: usize = 24;

/// Nodes and what is on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The nodes: those that the job uses first, then those with the most room.
    pub bars: Vec<Bar>,
    /// How many nodes are not drawn.
    pub more: usize,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its instance type, where it is known.
    pub instance_type: Option<String>,
    /// What it takes in: `driver, 2 executors`.
    pub pods: String,
    /// Whether it takes new pods at all.
    pub open: bool,
    /// Whether it would have to be added.
    pub new: bool,
    /// CPU in thousandths of a core.
    pub cpu: Measure,
    /// Memory in MiB.
    pub memory: Measure,
}

/// An amount in three parts: taken, added, free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// All that there is.
    pub of: u64,
    /// Taken by pods that run.
    pub taken: u64,
    /// Added by the job.
    pub added: u64,
}

/// Draws the nodes with what a way of placing the pods puts on them.
#[must_use]
pub fn picture(supply: &Supply, fit: &Fit) -> Picture {
    // Pods that are ended for it are no longer there.
    let gone = fit.evicts.iter().map(|(namespace, name)| (namespace.as_str(), name.as_str())).collect();
    let without = (!fit.evicts.is_empty()).then(|| super::what_if::without_pods(supply, &gone));
    let supply = without.as_ref().unwrap_or(supply);
    let mut on: BTreeMap<&str, Vec<&super::fit::Placed>> = BTreeMap::new();
    for placed in &fit.placed {
        on.entry(&placed.node).or_default().push(placed);
    }
    let mut bars: Vec<Bar> =
        supply.nodes.iter().map(|node| bar(node, on.remove(node.name.as_str()).unwrap_or_default(), false)).collect();
    for (name, placed) in on {
        let model = supply.pools.iter().filter_map(|pool| pool.least.as_ref()).find(|node| node.name == name);
        let Some(model) = model else { continue };
        // Nodes to be added have one name; the job's share of one of them is what fits it.
        let number = fit.added.iter().filter_map(|added| added.nodes).sum::<u64>().max(1);
        let mut bar = bar(model, placed, true);
        bar.name = format!("{number} × {name}");
        for measure in [&mut bar.cpu, &mut bar.memory] {
            measure.of = measure.of.saturating_mul(number);
            measure.taken = measure.taken.saturating_mul(number);
        }
        bars.push(bar);
    }
    let free = |bar: &Bar| bar.cpu.of.saturating_sub(bar.cpu.taken.saturating_add(bar.cpu.added));
    bars.sort_by(|left, right| {
        let rank = |bar: &Bar| (bar.cpu.added == 0 && bar.memory.added == 0, !bar.open);
        rank(left).cmp(&rank(right)).then_with(|| free(right).cmp(&free(left))).then_with(|| left.name.cmp(&right.name))
    });
    let more = bars.len().saturating_sub(MOST_NODES);
    bars.truncate(MOST_NODES);
    Picture { bars, more }
}

fn bar(node: &Node, placed: Vec<&super::fit::Placed>, new: bool) -> Bar {
    let sum = |of: fn(&super::fit::Placed) -> u64| {
        placed.iter().map(|it| of(it).saturating_mul(it.count)).fold(0_u64, u64::saturating_add)
    };
    let mut roles: BTreeMap<super::demand::Role, u64> = BTreeMap::new();
    for placed in &placed {
        *roles.entry(placed.role).or_default() += placed.count;
    }
    let named = roles.iter().map(|(role, count)| match count {
        1 => role.to_string(),
        number => format!("{number} {role}s"),
    });
    Bar {
        name: node.name.clone(),
        instance_type: node.labels.get("node.kubernetes.io/instance-type").cloned(),
        pods: named.collect::<Vec<_>>().join(", "),
        open: node.schedulable,
        new,
        cpu: Measure {
            of: node.cpu_milli,
            taken: node.cpu_milli.saturating_sub(node.cpu_free_milli),
            added: sum(|it| it.cpu_milli),
        },
        memory: Measure {
            of: node.memory_mib,
            taken: node.memory_mib.saturating_sub(node.memory_free_mib),
            added: sum(|it| it.memory_mib),
        },
    }
}

impl Measure {
    /// The sum: `250 + 1000 of 1930m`.
    fn told(self, unit: &str) -> String {
        format!("{} + {} of {}{unit}", self.taken, self.added, self.of)
    }

    /// How many of `cells` are taken and how many are added; what is there shows, however small.
    fn cells(self, cells: u64) -> (u64, u64) {
        let of = u128::from(self.of.max(1));
        let part = |amount: u64| -> u64 {
            let share = (u128::from(amount) * u128::from(cells)).div_ceil(of);
            u64::try_from(share).unwrap_or(cells).min(cells)
        };
        let taken = part(self.taken);
        let added = part(self.taken.saturating_add(self.added)).saturating_sub(taken);
        if self.added > 0 && added == 0 && taken > 0 { (taken - 1, 1) } else { (taken, added) }
    }
}

impl Picture {
    /// The same with only the first of its nodes; the others are counted.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        let bars: Vec<Bar> = self.bars.iter().take(most).cloned().collect();
        Self { more: self.more + self.bars.len() - bars.len(), bars }
    }

    /// The picture for a terminal of so many columns; in ASCII, unless it knows block characters.
    #[must_use]
    pub fn text(&self, columns: usize, blocks: bool) -> String {
        let look = Look { width: columns, colour: false, unicode: blocks, verbose: false };
        let (taken, added, free) = if blocks { ('█', '▒', '·') } else { ('#', '+', '.') };
        let numbers = self.bars.iter().flat_map(|bar| [bar.cpu.told("m"), bar.memory.told(" MiB")]);
        let widest = numbers.map(|numbers| numbers.len()).max().unwrap_or(0);
        let room = columns.saturating_sub(10 + widest).clamp(10, 40) as u64;
        let mut text = String::new();
        for bar in &self.bars {
            let kind = bar.instance_type.as_deref().map(|kind| format!("  {}", visible(kind))).unwrap_or_default();
            let note = bar.note().map(|note| format!("  {note}")).unwrap_or_default();
            let beside = display(&kind) + display(&note);
            let name = cut(&visible(&bar.name), columns.saturating_sub(beside).max(12), &look);
            write_to(&mut text, format_args!("{}\n", cut(&format!("{name}{kind}{note}"), columns, &look)));
            for (what, measure, unit) in bar.measures() {
                let (first, second) = measure.cells(room);
                write_to(&mut text, format_args!("  {what:<6} "));
                let all = [(taken, first), (added, second), (free, room.saturating_sub(first + second))];
                for (cell, number) in all {
                    text.extend((0..number).map(|_| cell));
                }
                write_to(&mut text, format_args!(" {}\n", measure.told(unit)));
            }
        }
        if self.more > 0 {
            write_to(&mut text, format_args!("and {}\n", count(self.more, "more node")));
        }
        if !self.bars.is_empty() {
            write_to(&mut text, format_args!("{taken} taken  {added} the job  {free} free\n"));
        }
        text
    }

    /// The picture as an SVG document, which also stands inside of HTML. Its text has the colour of the text around.
    #[must_use]
    pub fn svg(&self) -> String {
        const WIDTH: u64 = 720;
        const LEFT: u64 = 64;
        const FULL: u64 = 460;
        const ROW: u64 = 64;
        let height = self.bars.len() as u64 * ROW + 34;
        let mut svg = String::new();
        write_to(&mut svg, format_args!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" "));
        svg.push_str("role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"currentColor\">\n");
        svg.push_str("<title>Nodes: what is taken, and what the job adds</title>\n");
        let rect = |svg: &mut String, (x, y): (u64, u64), (width, height): (u64, u64), fill: &str| {
            if width > 0 {
                let at = format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" ");
                let _ = svg.write_fmt(at);
                write_to(svg, format_args!("fill=\"{fill}\"/>"));
            }
        };
        for (at, bar) in self.bars.iter().enumerate() {
            let y = at as u64 * ROW + 16;
            let kind = bar.instance_type.as_deref().map(|kind| format!("  {kind}")).unwrap_or_default();
            let note = bar.note().map(|note| format!(" · {note}")).unwrap_or_default();
            let (name, beside) = (escaped(&bar.name), escaped(&format!("{kind}{note}")));
            write_to(&mut svg, format_args!("<text x=\"0\" y=\"{y}\"><tspan font-weight=\"600\">{name}</tspan>"));
            write_to(&mut svg, format_args!("<tspan opacity=\"0.7\" xml:space=\"preserve\">{beside}</tspan></text>\n"));
            for (line, (what, measure, unit)) in bar.measures().enumerate() {
                let y = y + 8 + line as u64 * 18;
                let (taken, added) = measure.cells(FULL);
                let (base, told) = (y + 11, escaped(&measure.told(unit)));
                write_to(&mut svg, format_args!("<text x=\"0\" y=\"{base}\" opacity=\"0.7\">{what}</text>"));
                rect(&mut svg, (LEFT, y), (FULL, 13), FREE);
                rect(&mut svg, (LEFT, y), (taken, 13), TAKEN);
                rect(&mut svg, (LEFT + taken, y), (added, 13), ADDED);
                let x = LEFT + FULL + 10;
                write_to(&mut svg, format_args!("<text x=\"{x}\" y=\"{base}\" opacity=\"0.7\">{told}</text>\n"));
            }
        }
        let y = self.bars.len() as u64 * ROW + 20;
        for (at, (fill, what)) in [(TAKEN, "taken"), (ADDED, "the job"), (FREE, "free")].into_iter().enumerate() {
            let x = LEFT + at as u64 * 84;
            rect(&mut svg, (x, y - 10), (12, 12), fill);
            let x = x + 18;
            write_to(&mut svg, format_args!("<text x=\"{x}\" y=\"{y}\">{what}</text>\n"));
        }
        if self.more > 0 {
            let x = LEFT + 3 * 84;
            let more = count(self.more, "more node");
            write_to(&mut svg, format_args!("<text x=\"{x}\" y=\"{y}\" opacity=\"0.7\">and {more}</text>\n"));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

const TAKEN: &str = "#6e7781";
const ADDED: &str = "#218bff";
const FREE: &str = "#8c959f40";

impl Bar {
    /// What is measured of it, with its unit; nothing that it does not count.
    fn measures(&self) -> impl Iterator<Item = (&'static str, Measure, &'static str)> {
        let all = [("cpu", self.cpu, "m"), ("memory", self.memory, " MiB")];
        all.into_iter().filter(|(_, measure, _)| measure.of > 0 || measure.added > 0)
    }

    /// What is to be said beside the name.
    fn note(&self) -> Option<String> {
        match (self.new, self.open, self.pods.is_empty()) {
            (_, false, _) => Some("takes no pods".to_owned()),
            (true, _, _) => Some(format!("to be added: {}", self.pods)),
            (false, _, false) => Some(self.pods.clone()),
            (false, _, true) => None,
        }
    }
}

/// Text inside of XML. What a document may not hold is spelled out.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn write_to(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_show_what_is_there() {
        for (of, taken, added, expected) in [
            (100, 0, 0, (0, 0)),
            (100, 50, 25, (5, 3)),
            (100, 1, 1, (0, 1)),
            (100, 100, 0, (10, 0)),
            (100, 90, 90, (9, 1)),
            (0, 0, 0, (0, 0)),
            (u64::MAX, u64::MAX, u64::MAX, (9, 1)),
        ] {
            assert_eq!(Measure { of, taken, added }.cells(10), expected, "{of} {taken} {added}");
        }
    }

    #[test]
    fn a_picture_in_both_forms() {
        let bar = Bar {
            name: "a<b>\u{1b}[31m".into(),
            instance_type: Some("t3.large".into()),
            pods: "driver, 2 executors".into(),
            open: true,
            new: false,
            cpu: Measure { of: 1930, taken: 250, added: 1000 },
            memory: Measure { of: 6837, taken: 70, added: 1920 },
        };
        let picture = Picture { bars: vec![bar], more: 2 };
        insta::assert_snapshot!(picture.text(80, false), @r"
        a<b>\u{1b}[31m  t3.large  driver, 2 executors
          cpu    ######++++++++++++++++++++.............. 250 + 1000 of 1930m
          memory #+++++++++++............................ 70 + 1920 of 6837 MiB
        and 2 more nodes
        # taken  + the job  . free
        ");
        let svg = picture.svg();
        assert!(svg.contains("a&lt;b&gt;") && !svg.contains('\u{1b}') && svg.ends_with("</svg>\n"), "{svg}");
    }
}
