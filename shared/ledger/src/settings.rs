//! What was learnt once and holds for all functions: the activity type's code in this CRM, and the like.

use crate::{
    Ledger, LedgerError,
    codec::{Key, Reader, s},
    error::unavailable,
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
}

pub(crate) fn setting_key(name: &str) -> Key {
    Key { pk: format!("S#{name}"), sk: "S".to_owned() }
}
