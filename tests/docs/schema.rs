//! Compares the schema for editors with the code that reads the configuration.

use std::{fs, io};

use recado_core::config::{self, Config};
use serde_json::Value;

use super::pages::root;

/// The schema, as the binary prints it.
pub(crate) struct Schema {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    /// Compiles the schema. An invalid schema is an error.
    pub(crate) fn compile() -> io::Result<Self> {
        const NAME: &str = "recado.schema.json";
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource(NAME, config::schema()).map_err(|error| io::Error::other(error.to_string()))?;
        let index = compiler.compile(NAME, &mut schemas).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { schemas, index })
    }

    /// The mistakes that an editor would show in a file; `None` if it is no YAML with an equivalent in JSON.
    pub(crate) fn mistakes(&self, yaml: &str) -> Option<Vec<String>> {
        let value: Value = serde_saphyr::from_str(yaml).ok()?;
        Some(match self.schemas.validate(&value, self.index) {
            Ok(()) => Vec::new(),
            Err(error) => error.to_string().lines().map(str::to_owned).collect(),
        })
    }
}

/// The files of the code's own tests: those without a mistake, those with an unknown key, and the others.
pub(crate) fn fixtures() -> io::Result<[Vec<(String, String)>; 3]> {
    let mut sorted = [const { Vec::new() }; 3];
    for entry in fs::read_dir(root().join("shared/core/tests/config"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let place = match Config::parse(&text) {
            Ok(_) => 0,
            Err(found) if found.iter().any(|one| one.message.starts_with("there is no key")) => 1,
            Err(_) => 2,
        };
        sorted[place].push((path.display().to_string(), text));
    }
    Ok(sorted)
}
