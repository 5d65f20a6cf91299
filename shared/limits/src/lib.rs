//! Shared rates and daily quotas on DynamoDB
