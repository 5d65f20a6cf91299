//! Counts what is asked of the table, and has the table say what each request cost.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
    },
    error::BoxError,
    operation::{
        batch_execute_statement::{BatchExecuteStatementInput, BatchExecuteStatementOutput},
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};

/// Requests and their capacity units, by operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<BTreeMap<&'static str, (u32, f64)>>>);

impl Counter {
    /// What was asked since this was last called.
    pub(crate) fn take(&self) -> BTreeMap<&'static str, (u32, f64)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn add(&self, operation: &'static str, consumed: &[ConsumedCapacity]) {
        let mut asked = self.0.lock().unwrap();
        let entry = asked.entry(operation).or_default();
        entry.0 += 1;
        entry.1 += consumed.iter().filter_map(|one| one.capacity_units).sum::<f64>();
    }
}

macro_rules! ask {
    ($input:expr, $($type:ty),+) => {
        $(if let Some(input) = $input.downcast_mut::<$type>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        })+
    };
}

macro_rules! count {
    ($counter:expr, $output:expr, $($type:ty => $name:literal),+) => {
        $(if let Some(output) = $output.downcast_ref::<$type>() {
            $counter.add($name, output.consumed_capacity().into_consumed());
        })+
    };
}

/// One operation says one thing of its cost, another a list of them.
trait IntoConsumed<'a> {
    fn into_consumed(self) -> &'a [ConsumedCapacity];
}

impl<'a> IntoConsumed<'a> for &'a [ConsumedCapacity] {
    fn into_consumed(self) -> &'a [ConsumedCapacity] {
        self
    }
}

impl<'a> IntoConsumed<'a> for Option<&'a ConsumedCapacity> {
    fn into_consumed(self) -> &'a [ConsumedCapacity] {
        self.map_or(&[], std::slice::from_ref)
    }
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        ask!(
            input,
            BatchExecuteStatementInput,
            BatchGetItemInput,
            GetItemInput,
            PutItemInput,
            QueryInput,
            TransactWriteItemsInput,
            UpdateItemInput
        );
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error() {
            count!(
                self, output,
                BatchExecuteStatementOutput => "BatchExecuteStatement",
                BatchGetItemOutput => "BatchGetItem",
                GetItemOutput => "GetItem",
                PutItemOutput => "PutItem",
                QueryOutput => "Query",
                TransactWriteItemsOutput => "TransactWriteItems",
                UpdateItemOutput => "UpdateItem"
            );
        }
        Ok(())
    }
}
