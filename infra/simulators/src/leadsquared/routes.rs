//! The routes.

use serde_json::Value;

use super::{
    activities, activities_bulk, activity_types, authentication, desk::Desk, hooks, lead_fields, leads_bulk,
    leads_read, leads_search, leads_update_v2, leads_write, refusal::Refused,
};

/// The function that answers a request.
enum Endpoint {
    /// It cannot fail.
    Read(fn(&Desk<'_>) -> Value),
    /// It checks its input, and may change the account.
    Act(fn(&mut Desk<'_>) -> Result<Value, Refused>),
}

use Endpoint::{Act, Read};

/// The only method of a path, and its endpoint. LeadSquared has no methods other than GET and POST.
type Route = (&'static str, Endpoint);

/// Answers the request to `operation`, a path without `/v2/` in lower case.
pub(super) fn route(desk: &mut Desk<'_>, operation: &str) -> Result<Value, Refused> {
    let (service, call) = operation.split_once('/').ok_or(Refused::NoSuchPath)?;
    let route = match service {
        "authentication.svc" if call == "userbyaccesskey.get" => Some(("GET", Read(authentication::user))),
        "leadmanagement.svc" => lead_route(call),
        "prospectactivity.svc" => activity_route(call),
        "webhook.svc" => webhook_route(call),
        _ => None,
    };
    let (method, endpoint) = route.ok_or(Refused::NoSuchPath)?;
    if desk.call.method != method {
        return Err(Refused::WrongMethod);
    }
    match endpoint {
        Read(read) => Ok(read(desk)),
        Act(act) => act(desk),
    }
}

fn lead_route(call: &str) -> Option<Route> {
    Some(match call {
        "leads.getbyid" => ("GET", Read(leads_read::by_id)),
        "leads/retrieve/byids" => ("POST", Act(leads_read::by_ids)),
        "leads.getbyemailaddress" => ("GET", Read(leads_read::by_email)),
        "retrieveleadbyphonenumber" => ("GET", Read(leads_read::by_phone)),
        "leads.getbyquicksearch" => ("GET", Read(leads_read::by_key)),
        "leadsmetadata.get" => ("GET", Read(leads_read::metadata)),
        "leads.get" => ("POST", Act(leads_search::by_criteria)),
        "leads.recentlymodified" => ("POST", Act(leads_search::recently_modified)),
        "lead.create" => ("POST", Act(leads_write::create)),
        "lead.update" => ("POST", Act(leads_write::update)),
        "lead.capture" => ("POST", Act(leads_write::capture)),
        "createleadfield" => ("POST", Act(lead_fields::create)),
        "lead.createorupdate" => ("POST", Act(leads_write::create_or_update)),
        "lead/bulk/create" => ("POST", Act(leads_bulk::create)),
        "lead/bulk/createorupdate" => ("POST", Act(leads_bulk::create_or_update)),
        "lead/bulk/update" => ("POST", Act(leads_bulk::update)),
        "lead/bulk/updatev2" => ("POST", Act(leads_update_v2::update)),
        _ => return None,
    })
}

fn activity_route(call: &str) -> Option<Route> {
    Some(match call {
        "activitytypes.get" => ("GET", Read(activity_types::all)),
        "createtype" => ("POST", Act(activity_types::create)),
        "customactivity/getactivitysetting" => ("GET", Act(activity_types::setting)),
        "create" => ("POST", Act(activities::create)),
        "createcustom" => ("POST", Act(activities::create_with_lead)),
        "customactivity/update" => ("POST", Act(activities_bulk::update_one)),
        "retrieve" => ("POST", Act(activities::of_lead)),
        "customactivity/retrievebyactivityevent" => ("POST", Act(activities::by_event)),
        "bulk/customactivity/add/byleadid" => ("POST", Act(activities_bulk::add_by_lead_id)),
        "bulk/customactivity/add/byleadfield" => ("POST", Act(activities_bulk::add_by_lead_field)),
        "bulk/customactivity/update" => ("POST", Act(activities_bulk::update)),
        _ => return None,
    })
}

fn webhook_route(call: &str) -> Option<Route> {
    Some(match call {
        "create" => ("POST", Act(hooks::create)),
        "update" => ("POST", Act(hooks::update)),
        "retrieve" => ("POST", Act(hooks::retrieve)),
        "delete" => ("GET", Act(hooks::delete)),
        _ => return None,
    })
}
