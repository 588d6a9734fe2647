//! An answer becomes what reading the same command's output from a file would be.

use super::run::{Answer, Asked};
use crate::estate::{Gap, Syntax, collection};
use crate::read::assemble::Reading;
use crate::read::refusal::{Outcome, Refusal};
use crate::read::shape::{self, Content, Piece, Recognised, Whose};
use serde_json::Value;

/// The reading of an answer; `suffix` says as whom the command was run.
pub(super) fn reading(answer: Answer, suffix: &str) -> Reading {
    let Answer { asked, document, mut failure, .. } = answer;
    let path = command(&asked, suffix);
    let mut recognised = Recognised::default();
    // Of one thing, a part is not to be taken for the whole; of a list, it is better than nothing.
    if let Some(document) = document.filter(|_| failure.is_none() || asked.call.is_list()) {
        let document = complete(&asked, document.into());
        // As whom it was asked says nothing of whose it is.
        if !shape::recognise(document, "", &command(&asked, ""), &mut recognised) && failure.is_none() {
            failure = Some(super::failure::Failure::unreadable("it is nothing that sparkcheck knows"));
        }
    }
    let whose = whose(&asked, failure.is_some());
    let scope = around(&asked);
    let scope = scope.unwrap_or_else(|| match asked.call.service.is_global() {
        true => asked.account.clone(),
        false => format!("{}/{}", asked.account, asked.region),
    });
    let mut gaps: Vec<Gap> = recognised
        .faults
        .iter()
        .map(|(pointer, why)| Gap {
            what: asked.call.collections.first().copied().unwrap_or_default().to_owned(),
            scope: scope.clone(),
            why: format!("the policy at `{pointer}` could not be read: {why}"),
            unblock: Some("mend the policy".to_owned()),
            place: Some(path.clone()),
        })
        .collect();
    let mut pieces = vec![Piece { kind: String::new(), content: Content::Whose(whose) }];
    for mut piece in recognised.pieces {
        if let Content::Items(items) = &mut piece.content
            && let Some(listing) = &mut items.listing
        {
            // What was asked for is known here, and nothing was left out.
            listing.doubt = None;
        }
        pieces.push(piece);
    }
    if let Some(failure) = failure {
        let (why, unblock) = (failure.why(asked.call), failure.unblock(asked.call));
        let lists: Vec<String> = asked
            .call
            .collections
            .iter()
            .filter(|name| asked.call.tells_of_all() && collection(name).is_some())
            .map(|name| (*name).to_owned())
            .collect();
        if failure.outcome == Outcome::Absent && asked.call.operation != "DescribeOrganization" {
            // What is gone since it was listed is missed by nobody; a cluster that never was is told once. An
            // account that is in no organization is told of.
        } else if lists.is_empty() {
            let what = asked.call.collections.first().copied().unwrap_or_default().to_owned();
            gaps.push(Gap { what, scope, why, unblock: Some(unblock), place: Some(path.clone()) });
        } else {
            let call = asked.call.operation.to_owned();
            let outcome = failure.outcome;
            let refusal =
                Refusal { collections: lists, call, why, unblock, arn: None, namespace: None, outcome, line: 1 };
            pieces.push(Piece { kind: "error".to_owned(), content: Content::Refusals(vec![refusal]) });
        }
    }
    Reading { path, syntax: Syntax::Answer, held: None, pieces, gaps }
}

/// The command that prints the same.
fn command(asked: &Asked, suffix: &str) -> String {
    let mut command = asked.call.command();
    let names = [asked.inside.as_ref().map(|(_, name)| name), asked.item.as_ref()];
    for (option, name) in asked.call.options.iter().zip(names) {
        if let (false, Some(name)) = (option.is_empty(), name) {
            command.push_str(&format!(" {option} {name}"));
        }
    }
    if !asked.call.service.is_global() {
        command.push_str(&format!(" --region {}", asked.region));
    }
    command + suffix
}

/// The ARN of the thing around.
fn around(asked: &Asked) -> Option<String> {
    asked.inside.as_ref().map(|(arn, _)| arn.clone()).filter(|arn| !arn.is_empty())
}

fn whose(asked: &Asked, lost: bool) -> Whose {
    let region = (!asked.call.service.is_global()).then(|| asked.region.clone());
    let inside = around(asked);
    Whose { account: asked.account.clone(), region, inside, namespace: None, lost }
}

/// Adds to an answer what the question knew and the answer leaves out.
fn complete(asked: &Asked, mut document: Value) -> Value {
    if asked.call.operation == "ListAssociatedAccessPolicies"
        && let (Some((_, cluster)), Some(principal)) = (&asked.inside, &asked.item)
    {
        document["clusterName"] = cluster.clone().into();
        document["principalArn"] = principal.clone().into();
    }
    document
}
