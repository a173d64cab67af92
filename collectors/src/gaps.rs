//! What keeps it from being known whether a subject is in order, by the observation alone.

use exhibit_evidence::{Observation, observation::Subject};

/// Why it is not known what a subject holds, if it is not: a problem, a population without a count or with a gap, or
/// something left out for a reason that is not `accepted`.
pub(crate) fn unknown(observation: &Observation, subject: &Subject, accepted: &dyn Fn(&str) -> bool) -> Option<String> {
    let concerns = |of: &Option<Subject>| of.as_ref().is_none_or(|of| of == subject);
    let problems: Vec<&str> = observation
        .problems
        .iter()
        .filter(|problem| concerns(&problem.subject))
        .map(|problem| problem.message.as_str())
        .collect();
    if !problems.is_empty() {
        return Some(format!("It could not be found out: {}", problems.join("; ")));
    }
    observation.population.iter().filter(|population| population.subject == *subject).find_map(|population| {
        let unit = &population.unit;
        if population.exist.is_none() {
            let all = "so nothing can be said of all of them";
            return Some(format!("It is not known how many there are (counted: {unit}), {all}."));
        }
        if !population.is_accounted_for() {
            let (exist, examined) = (population.exist.unwrap_or(0), population.examined);
            return Some(format!(
                "Of unit `{unit}` {exist} exist by the source's own count, and {examined} were examined."
            ));
        }
        let left = population.excluded.iter().find(|exclusion| exclusion.count > 0 && !accepted(&exclusion.code))?;
        Some(format!(
            "{} of unit `{unit}` could not be examined ({}: {}), which the policy does not name.",
            left.count, left.code, left.reason
        ))
    })
}
