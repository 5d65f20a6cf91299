//! Values that were learnt once and hold for all functions, such as the activity type's code in this CRM.

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

    /// Stores the setting `name`, and replaces an older value.
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

    /// Stores the setting `name` unless it exists, and returns the value that holds. Of several writers one wins.
    pub async fn first_setting(&self, name: &str, value: &str) -> Result<String, LedgerError> {
        let is_first = self.change_setting(name, None, value).await?;
        let earlier = if is_first { None } else { self.setting(name).await? };
        Ok(earlier.unwrap_or_else(|| value.to_owned()))
    }

    /// Stores the setting `name` if its value still is `from`; `None` means that it was never stored. `false`: the
    /// value has changed.
    pub async fn change_setting(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(setting_key(name).into_item()))
            .item("value", s(to));
        let put = match from {
            Some(from) => put
                .condition_expression("#value = :from")
                .expression_attribute_names("#value", "value")
                .expression_attribute_values(":from", s(from)),
            None => put.condition_expression("attribute_not_exists(pk)"),
        };
        made("PutItem", put.send().await)
    }
}

pub(crate) fn setting_key(name: &str) -> Key {
    Key { pk: format!("S#{name}"), sk: "S".to_owned() }
}
