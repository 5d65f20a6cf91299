//! A rule's own caps, asked where all sends pass.

use recado_core::{
    identity::MessageId,
    message::{Message, State},
};
use recado_pipeline::send::NO_DEADLINE_MS;
use recado_simulators::liguelead::Options;

use super::Bench;

const RULES: &str =
    "  - { id: reminder, on: lead.created, sms: 'Lembrete, {{ lead.FirstName }}.', caps: [ { max: 2, every: 7d } ] }
  - { id: receipt, on: lead.created, sms: 'Recibo, {{ lead.FirstName }}.' }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_rules_cap_counts_that_rules_messages_alone() {
    let bench = Bench::start(RULES, Options::default()).await;
    // Five changes of one lead, each answered by both rules.
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
    assert!(held.iter().all(|message| message.why.as_deref().is_some_and(|why| why.contains("caps"))));
}
