//! What was learnt once and holds for all functions: the activity type's code in this CRM, and the like.

use crate::{
    Ledger, LedgerError,
    codec::{Key, Reader, s},
    error::{made, unavailable},
};

impl Ledger {
    /// The setting `name`, if it was stored.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(setting_key(name).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        Ok(output.item.as_ref().and_then(|item| Reader::new(item).maybe_text("value")))
    }

    /// Stores the setting `name`, over an older value.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), LedgerError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(setting_key(name).into_item()))
            .item("value", s(value))
            .send()
            .await
            .map_err(unavailable("PutItem"))?;
        Ok(())
    }

    /// Stores the setting `name` unless there is one, and gives the value that holds: of several writers one wins.
    pub async fn first_setting(&self, name: &str, value: &str) -> Result<String, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(setting_key(name).into_item()))
            .item("value", s(value))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        let earlier = if made("PutItem", put)? { None } else { self.setting(name).await? };
        Ok(earlier.unwrap_or_else(|| value.to_owned()))
    }
}

pub(crate) fn setting_key(name: &str) -> Key {
    Key { pk: format!("S#{name}"), sk: "S".to_owned() }
}
