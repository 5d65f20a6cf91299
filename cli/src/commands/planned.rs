//! Shows what a campaign would do, for `recado plan` and `recado campaign start`.

use recado_pipeline::campaigns::CampaignPlan;

use crate::output;

/// Shows what a campaign would do.
pub(super) fn show_campaign(plan: &CampaignPlan, credit_price: Option<f64>) {
    output::say(&format!("{}: {} looked at, {} get a message", plan.campaign, plan.looked_at, plan.recipients));
    for (why, count) in &plan.left_out {
        output::say(&format!("  {count:>9} {why}"));
    }
    for text in &plan.texts {
        output::say(&format!("  {} characters, {} credit(s): {}", text.chars, text.credits, text.text));
        show_arrival("  ", text.arrives.as_deref());
    }
    if plan.different_texts > plan.texts.len() as u64 {
        output::say(&format!("  {} different texts in all", plan.different_texts));
    }
    output::say(&format!("  {} go at once in {} request(s) to LigueLead", plan.now, plan.requests_now));
    for (until_ms, count) in &plan.later {
        output::say(&format!("  {count} wait for their hours until {}", output::instant(*until_ms)));
    }
    for (count, why) in [
        (plan.suppressed, "are suppressed"),
        (plan.capped, "are held by a cap"),
        (plan.over_quota, "wait for tomorrow's quota"),
    ] {
        if count > 0 {
            output::say(&format!("  {count} {why}"));
        }
    }
    if let Some(left) = plan.quota_left.messages {
        output::say(&format!("  {left} messages of today's quota are left then"));
    }
    output::say(&format!("  {} credit(s) by estimate{}", plan.credits, priced(plan.credits, credit_price)));
    output::say(&format!(
        "  LeadSquared: {} call(s) to read the audience, {} to tell the outcomes, {} minute(s) at least",
        plan.crm_calls_to_read, plan.crm_calls_to_tell, plan.crm_minutes
    ));
}

/// The price of the credits, after a comma. It is for people to read, not for accounting.
pub(super) fn priced(credits: u64, price: Option<f64>) -> String {
    #[allow(clippy::cast_precision_loss, reason = "credits that anybody pays for are far below 2^52")]
    let cost = |price| credits as f64 * price;
    price.map(|price| format!(", R$ {:.2}", cost(price))).unwrap_or_default()
}

/// Shows the text as it may arrive, if it differs.
pub(super) fn show_arrival(indent: &str, arrives: Option<&str>) {
    if let Some(text) = arrives {
        output::say(&format!("{indent}may arrive as: {text}"));
    }
}
