//! Caps, checked where all sends pass: a rule's own, by lead and by phone.

use std::collections::BTreeSet;

use recado_core::{
    identity::MessageId,
    message::{Message, State},
    phone::Phone,
};
use recado_pipeline::send::NO_DEADLINE_MS;
use recado_simulators::liguelead::Options;

use super::Bench;
use crate::support::Lead;

const RULES: &str =
    "  - { id: reminder, on: lead.created, sms: 'Lembrete, {{ lead.FirstName }}.', caps: [ { max: 2, every: 7d } ] }
  - { id: receipt, on: lead.created, sms: 'Recibo, {{ lead.FirstName }}.' }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_rules_cap_counts_that_rules_messages_alone() {
    let bench = Bench::start(RULES, Options::default()).await;
    // Five changes of one lead. Both rules match each of them.
    let one = bench.messages([1]);
    let again = |number: u8| {
        let number = move |message: &Message| Message {
            id: MessageId::from_bytes([number + 16 * u8::from(message.rule == "receipt"); 16]),
            ..message.clone()
        };
        one.iter().map(number).collect::<Vec<_>>()
    };
    let messages: Vec<Message> = (1..=5).flat_map(again).collect();
    bench.write(&messages).await;
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    bench.sender.send_new(&ids, NO_DEADLINE_MS).await.unwrap();

    let of = |rule: &str, messages: &[Message]| messages.iter().filter(|message| message.rule == rule).count();
    let (accepted, held) = (bench.in_state(State::Accepted).await, bench.in_state(State::Held).await);
    assert_eq!((of("reminder", &accepted), of("receipt", &accepted)), (2, 5));
    assert_eq!((of("reminder", &held), of("receipt", &held)), (3, 0));
    assert!(held.iter().all(|message| message.why.as_ref().is_some_and(|why| why.to_string().contains("caps"))));
}

/// The message as the first one of another lead, with the phone of lead number `phone_of`.
fn of_lead(message: &Message, lead: u8, phone_of: u32) -> Message {
    let message = Message { id: MessageId::from_bytes([lead; 16]), ..message.clone() };
    message.for_lead(&format!("lead-{lead}")).at(Phone::parse(&Lead::new(phone_of).phone).unwrap())
}

async fn state_of(bench: &Bench, id: MessageId) -> (State, Option<String>) {
    let message = bench.ledger.messages(&[id]).await.unwrap().pop().unwrap();
    (message.state, message.why.map(|why| why.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_for_a_phone_and_for_a_lead_and_who_is_held_by_one_is_not_counted_by_the_other() {
    let rules = "  - { id: news, on: lead.created, sms: 'Novidades.' }\ncaps: [ { max: 1, every: 7d } ]\n";
    let bench = Bench::start(rules, Options::default()).await;
    let first = bench.messages([1]).remove(0);
    // Two leads with one phone come together. Then come the first of them with another phone, and the lead who has that
    // phone.
    let [one, same_phone] = [(1, 1), (2, 1)].map(|(lead, phone)| of_lead(&first, lead, phone));
    let same_lead = Message { id: MessageId::from_bytes([3; 16]), ..of_lead(&first, 1, 2) };
    let that_phone = of_lead(&first, 4, 2);
    let that_lead = Message { id: MessageId::from_bytes([5; 16]), ..of_lead(&first, 2, 3) };
    for (wave, accepted) in
        [(vec![&one, &same_phone], 1), (vec![&same_lead], 0), (vec![&that_phone], 1), (vec![&that_lead], 1)]
    {
        let wave: Vec<Message> = wave.into_iter().cloned().collect();
        bench.write(&wave).await;
        let ids: Vec<MessageId> = wave.iter().map(|message| message.id).collect();
        assert_eq!(bench.sender.send_new(&ids, NO_DEADLINE_MS).await.unwrap().accepted, accepted, "{wave:?}");
    }
    let held = |who: &str| (State::Held, Some(format!("the {who} has had as many messages as the caps allow")));
    assert_eq!(state_of(&bench, same_phone.id).await, held("phone"));
    assert_eq!(state_of(&bench, same_lead.id).await, held("lead"));
    for sent in [&one, &that_phone, &that_lead] {
        assert_eq!(state_of(&bench, sent.id).await.0, State::Accepted, "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_senders_at_once_each_person_hears_from_one() {
    let rules = "  - { id: news, on: lead.created, sms: 'Novidades.' }\ncaps: [ { max: 1, every: 7d } ]\n";
    let bench = Bench::start(rules, Options::default()).await;
    let first = bench.messages([1]).remove(0);
    // Two messages to each of 20 persons, with the same lead and phone; a sender for each message.
    let message = |number: u8| of_lead(&first, number, u32::from(number % 20) + 1);
    let messages: Vec<Message> =
        (0..40).map(|number| message(number).for_lead(&format!("lead-{}", number % 20))).collect();
    bench.write(&messages).await;
    let sends = messages.iter().map(|message| async { bench.sender.send_new(&[message.id], NO_DEADLINE_MS).await });
    let reports = futures::future::try_join_all(sends).await.unwrap();
    assert_eq!(reports.iter().map(|report| report.accepted).sum::<u64>(), 20);
    let phones: BTreeSet<String> =
        bench.vendor.received().campaigns().flat_map(|campaign| campaign.phones.iter().cloned()).collect();
    assert_eq!(phones.len(), 20, "nobody is left out because two messages hold one another");
}
