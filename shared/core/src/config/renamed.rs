//! Rules that may have been renamed: under a new id, a rule would send its messages again.

use super::{Checked, Config, Diagnostic, Rule, RuleId, Severity};

impl Checked {
    /// A warning for each new rule whose trigger equals that of a rule of `old` whose id is gone. A rule that has `was`
    /// gets no warning.
    #[must_use]
    pub fn renamed_since(&self, old: &Config) -> Vec<Diagnostic> {
        let mut new: Vec<&Rule> = self
            .config
            .rules
            .iter()
            .filter(|rule| rule.was.is_empty() && old.rule(rule.id.as_str()).is_none())
            .collect();
        let mut gone: Vec<&Rule> = old.rules.iter().filter(|rule| !self.knows(&rule.id)).collect();
        let mut warnings = Vec::new();
        // Rules with the same action come first: if several have the same trigger, such a rule is the one meant.
        let alike: [fn(&Rule, &Rule) -> bool; 2] = [
            |one, other| one.trigger == other.trigger && one.action == other.action,
            |one, other| one.trigger == other.trigger,
        ];
        for is_like in alike {
            gone.retain(|gone| {
                let Some(at) = new.iter().position(|rule| is_like(rule, gone)) else { return true };
                warnings.push(self.may_be(new.remove(at), &gone.id));
                false
            });
        }
        warnings.sort_by_key(|warning| (warning.line, warning.column));
        warnings
    }

    /// Whether an id still exists, as a present or an earlier id.
    fn knows(&self, id: &RuleId) -> bool {
        self.ids.contains_key(id) || self.config.rules.iter().any(|rule| rule.was.contains(id))
    }

    fn may_be(&self, rule: &Rule, gone: &RuleId) -> Diagnostic {
        let (line, column) = self.ids.get(&rule.id).copied().unwrap_or((1, 1));
        let id = &rule.id;
        Diagnostic {
            severity: Severity::Warning,
            line,
            column,
            message: format!(
                "the rule \"{gone}\" is gone, and the new rule \"{id}\" waits for the same event: it may send again what \
                 \"{gone}\" sent"
            ),
            suggestion: Some(format!("was: {gone}, if it is the same rule")),
            key: id.to_string(),
        }
    }
}
