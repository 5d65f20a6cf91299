//! The bucket of recordings, by their names.
//!
//! Only `recordings` reads it. It is in this crate so that all functions have the same dependencies with the same
//! features. `sam build` builds the functions one after another, and it builds a dependency with other features twice.

use std::io;

use anyhow::Context as _;
use futures::{FutureExt as _, future::BoxFuture};
use object_store::{
    Error, ObjectStoreExt as _,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use recado_pipeline::audio::Files;
use recado_runtime::environment::{optional, required};

use crate::function::endpoint_and_name;

/// The variable with the bucket's name.
const VARIABLE: &str = "RECADO_AUDIO_BUCKET";

/// A bucket.
#[derive(Debug)]
pub struct Bucket(AmazonS3);

impl Bucket {
    /// The bucket that the template names, with the function's own credentials.
    pub fn from_environment() -> anyhow::Result<Self> {
        let place = required(VARIABLE, "the stack's bucket")?;
        let (endpoint, name) = endpoint_and_name(&place);
        // The store builds its HTTP client itself, so choose the TLS library first.
        vendor_http::choose_tls();
        let builder = AmazonS3Builder::from_env().with_bucket_name(name);
        let builder = match endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint),
            None => builder,
        };
        // A stand-in for S3 answers over plain HTTP; S3 does not.
        let endpoint = endpoint.map(str::to_owned).or_else(|| optional("AWS_ENDPOINT_URL"));
        let is_plain = endpoint.is_some_and(|url| url.starts_with("http://"));
        Ok(Self(builder.with_allow_http(is_plain).build().context(VARIABLE)?))
    }

    /// The size of the file `name` in bytes, if there is one.
    pub async fn size(&self, name: &str) -> io::Result<Option<u64>> {
        found(self.0.head(&path(name)?).await.map(|about| about.size))
    }

    async fn content(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(content) = found(self.0.get(&path(name)?).await)? else { return Ok(None) };
        Ok(Some(content.bytes().await?.to_vec()))
    }
}

impl Files for Bucket {
    fn read<'f>(&'f self, name: &'f str) -> BoxFuture<'f, io::Result<Option<Vec<u8>>>> {
        self.content(name).boxed()
    }
}

fn path(name: &str) -> io::Result<Path> {
    Path::parse(name).map_err(io::Error::other)
}

fn found<T>(result: Result<T, Error>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
