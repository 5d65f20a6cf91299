//! Counts the requests to the table and their cost, which the table reports. Also measures how long the sender waited
//! for the table or LigueLead.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
            FinalizerInterceptorContextRef,
        },
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
use liguelead::{Answered, Transport};
use recado_simulators::liguelead::Options;
use reqwest::header::HeaderName;

/// Requests and their capacity units, by operation, and the time during which any request was open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    asked: Arc<Mutex<BTreeMap<&'static str, (u32, f64)>>>,
    pub(crate) waits: Waits,
}

/// The time during which at least one request of any kind was open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waits(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    requests: u32,
    since: Option<Instant>,
    in_all: Duration,
}

impl Waits {
    fn begin(&self) {
        let mut under_way = self.0.lock().unwrap();
        under_way.requests += 1;
        under_way.since.get_or_insert_with(Instant::now);
    }

    fn end(&self) {
        let mut under_way = self.0.lock().unwrap();
        under_way.requests -= 1;
        if under_way.requests == 0
            && let Some(since) = under_way.since.take()
        {
            under_way.in_all += since.elapsed();
        }
    }

    /// The time with open requests since the last take. Call it while no request is open.
    pub(crate) fn take(&self) -> Duration {
        std::mem::take(&mut self.0.lock().unwrap().in_all)
    }
}

/// LigueLead over HTTP, with timed requests.
pub(crate) struct TimedVendor {
    http: reqwest::Client,
    waits: Waits,
}

impl TimedVendor {
    /// A transport to the simulator that was started with these options.
    pub(crate) fn new(options: &Options, waits: Waits) -> Self {
        let credentials = [("api-token", &options.api_token), ("app-id", &options.app_id)];
        let headers = credentials.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Self {
            http: vendor_http::client_builder().default_headers(headers.into_iter().collect()).build().unwrap(),
            waits,
        }
    }
}

impl Transport for TimedVendor {
    fn call(&self, request: reqwest::Request) -> Answered<'_> {
        Box::pin(async move {
            self.waits.begin();
            let answered = self.http.call(request).await;
            self.waits.end();
            answered
        })
    }
}

impl Counter {
    /// The requests since the last take.
    pub(crate) fn take(&self) -> BTreeMap<&'static str, (u32, f64)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn add(&self, operation: &'static str, consumed: &[ConsumedCapacity]) {
        let mut asked = self.asked.lock().unwrap();
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

/// Some operations report one cost, others a list of costs.
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
        self.waits.begin();
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
    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.waits.end();
        Ok(())
    }
}
