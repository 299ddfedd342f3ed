//! AttachNetworkInterface and DetachNetworkInterface: both begin something that takes a while.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalog::Answer;
use crate::ram::Region;

use super::id::InstanceId;
use super::lifecycle::{Attachment, Life};
use super::operation::Turn;
use super::rules::{self, Course, Subject, judge};
use super::world::World;

pub(super) fn attach(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    let subject = Subject::of(turn);
    if judge(rules::ATTACH, &subject)? == Course::DoneAlready {
        return Ok(json!({}));
    }
    let (eni, instance) = (subject.eni().id.clone(), subject.instance().id.clone());
    let attachment = Attachment {
        device_index: free_device_index(turn.world, turn.call.region(), &instance, turn.now),
        network_card_index: turn.number("NetworkCardIndex").and_then(|index| index.try_into().ok()).unwrap_or(0),
        since: turn.now,
        instance,
    };
    let life = Life::attached(attachment, turn.settles_at());
    if let Some(eni) = turn.world.eni_mut(&eni) {
        eni.life = life;
    }
    Ok(json!({}))
}

pub(super) fn detach(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    let subject = Subject::of(turn);
    judge(rules::DETACH, &subject)?;
    let eni = subject.eni().id.clone();
    let settles_at = turn.settles_at();
    if let Some(eni) = turn.world.eni_mut(&eni) {
        eni.life.detach(settles_at);
    }
    Ok(json!({}))
}

/// The lowest index that no ENI of the instance has; 0 is the primary one's.
fn free_device_index(world: &World, region: &Region, instance: &InstanceId, now: Timestamp) -> u32 {
    let attachments = world.enis(region).filter_map(|eni| eni.life.attachment(now));
    let taken: BTreeSet<u32> = attachments
        .filter(|attachment| attachment.instance == *instance)
        .map(|attachment| attachment.device_index)
        .collect();
    (1..).find(|index| !taken.contains(index)).unwrap_or(u32::MAX)
}
