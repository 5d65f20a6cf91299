//! Both simulators, over real HTTP on the loopback interface.

// Always true here. It tells the lints that the helpers are test code too.
#![cfg(test)]

mod common;
mod faults;
mod leadsquared_activities;
mod leadsquared_bulk;
mod leadsquared_bulk_leads;
mod leadsquared_leads;
mod leadsquared_limits;
mod leadsquared_search;
mod leadsquared_setup;
mod leadsquared_webhooks;
mod liguelead_account;
mod liguelead_callbacks;
mod liguelead_send;
mod liguelead_uploads;
