//! A policy's model card, in Markdown: what it is, what it has learned from, how it did, when not to use it, and how to
//! make it again. After Mitchell et al., Model Cards for Model Reporting, FAT* 2019.

use std::fmt::Write as _;

use super::policy::{Card, Origin};
use super::safety::Safety;
use crate::units;

/// Least traffic, in requests a minute, at which a policy is worth its trouble.
const LEAST_TRAFFIC: f64 = 1.0;

/// Why a policy of a `cost` over the static HPA's, late requests priced, is not worth its trouble.
#[must_use]
pub fn not_justified(cost: f64) -> Option<String> {
    (cost >= 1.0).then(|| format!("when it was chosen it cost {} % of what the static HPA did", percent(cost)))
}

/// The most far decisions that are not worth a word, as a share: twice what they were on validation time, and one in a
/// hundred.
#[must_use]
pub fn most_far(card: &Card) -> f64 {
    0.01 + 2.0 * far(card).unwrap_or_default()
}

/// Mean share of far decisions on validation time, over the functions of which it is known.
fn far(card: &Card) -> Option<f64> {
    let judged: Vec<f64> = card.starts.iter().filter_map(|it| it.validation?.far).collect();
    (!judged.is_empty()).then(|| judged.iter().sum::<f64>() / judged.len() as f64)
}

/// The card as Markdown. Equal policies give equal text.
#[must_use]
pub fn markdown(card: &Card) -> String {
    let sections = [purpose(card), validation(card), safety(card), data(card), limits(card), again(card)];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn purpose(card: &Card) -> String {
    let interval = units::friendly(card.env.control_interval);
    let hidden: Vec<String> = card.hidden.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "# Policy for a HorizontalPodAutoscaler\n\nEvery {interval} it reads {} values of one function (demand, pods, the \
         HPA's fields, late requests, time of day) and sets fields of its HPA. {}It has learned for {} steps of {} with seed {}; \
         hidden layers: {}, {} between them.{} Made by {}.\n\n| field | choices |\n|---|---|\n",
        card.observation.len(),
        fitted(card),
        card.step,
        card.algorithm.name(),
        card.seed,
        hidden.join(", "),
        format!("{:?}", card.activation).to_lowercase(),
        remembered(card),
        if card.isa.is_empty() { card.tool.clone() } else { format!("{} on {}", card.tool, card.isa) },
    );
    for head in &card.action {
        let _ = writeln!(text, "| {} | {} |", cell(&head.knob), cell(&head.choices.join(", ")));
    }
    text
}

fn fitted(card: &Card) -> String {
    if card.counterfactual == 0 {
        return String::new();
    }
    format!(
        "First it was fitted to what other actions would have cost on the same traffic, of which {} decisions were simulated. ",
        card.counterfactual
    )
}

fn remembered(card: &Card) -> String {
    if card.memory == 0 {
        return String::new();
    }
    format!(
        " Between decisions it remembers {} numbers: `hpatune recommend` needs `--state`, which keeps them.",
        card.memory
    )
}

/// The time that judged it: where no time was set apart for validation, that which it learned on.
fn judged_on(card: &Card) -> &'static str {
    if card.setting("split", "validation") == Some(0.0) {
        "the training time that it has learned on, as there is no validation time"
    } else {
        "validation time"
    }
}

fn validation(card: &Card) -> String {
    let mut text = format!("## Results on {}\n\n", judged_on(card));
    let Some(ratio) = card.cost_vs_reference else { return text + "It has not been judged.\n" };
    let _ = writeln!(
        text,
        "Mean cost, late requests priced: {} % of the static HPA's. These figures chose the policy among those of its run, \
         so they flatter it; `hpatune evaluate` judges it on test time.\n",
        percent(ratio)
    );
    let judged: Vec<_> = card.starts.iter().filter_map(|origin| Some((origin, origin.validation?))).collect();
    if !judged.is_empty() {
        text += "| function | load | cost, % of the static HPA's | its start's | late, % | its start's | the static HPA's | far, % | in use |\n";
        text += "|---|---:|---:|---:|---:|---:|---:|---:|---|\n";
    }
    for (origin, it) in &judged {
        let _ = writeln!(
            text,
            "| {} | × {} | {} | {} | {:.3} | {:.3} | {:.3} | {} | {} |",
            cell(&name(origin)),
            origin.load,
            percent(it.cost),
            percent(it.start_cost),
            100.0 * it.violation_rate,
            100.0 * it.start_violation_rate,
            100.0 * it.reference_violation_rate,
            it.far.map_or_else(|| "–".to_owned(), percent),
            match (origin.flies, origin.own) {
                (true, true) => "its own network",
                (true, false) => "policy",
                (false, _) => "start",
            },
        );
    }
    if !judged.is_empty() {
        text += "\nCost and late requests are the policy's own, in use or not. Far: decisions on observations far from \
                 training's";
        text += if far(card).is_some() { ".\n" } else { "; it does not know, because it does not normalise them.\n" };
    }
    text + &losses(card)
}

/// Where the policy lost to its start or to the static HPA, in a sentence each.
fn losses(card: &Card) -> String {
    let named = |origins: &[&Origin]| origins.iter().map(|it| name(it)).collect::<Vec<_>>().join(", ");
    let grounded: Vec<&Origin> = card.starts.iter().filter(|origin| !origin.flies).collect();
    let mut text = String::new();
    if !grounded.is_empty() {
        let (lost, all) = (grounded.len(), card.starts.len());
        let _ = writeln!(
            text,
            "\n**Losses:** on {lost} of {all} it did not beat its start, or was late too often, and the start stays as it is: {}.",
            named(&grounded)
        );
    }
    let in_use = |origin: &&Origin| {
        origin.validation.is_some_and(|it| if origin.flies { it.cost >= 1.0 } else { it.start_cost >= 1.0 })
    };
    let dearer: Vec<&Origin> = card.starts.iter().filter(in_use).collect();
    if !dearer.is_empty() {
        let _ = writeln!(text, "\n**Losses:** what is in use costs no less than the static HPA on {}.", named(&dearer));
    }
    text
}

fn safety(card: &Card) -> String {
    let Some(Safety { settings, figures, .. }) = &card.safety else { return String::new() };
    format!(
        "## Safety critic\n\nOf each action it estimates the probability that late requests stay within the objective over the \
         next {} decisions; the policy takes only actions at {} or more, and the safest where there is none. On {} decisions \
         of the second half of validation time, {} % of them random, where it has neither learned nor been calibrated:\n\n\
         | decisions | % |\n|---|---:|\n| unsafe | {} |\n| held for safe | {} |\n| false safe, of those held for safe | {} |\n\
         | missed, of those unsafe | {} |\n\nBrier score {:.4}; always saying the share that was safe has {:.4}.\n",
        settings.horizon,
        settings.threshold,
        figures.decisions,
        percent(settings.explore),
        percent(figures.unsafe_share),
        percent(figures.held_for_safe),
        percent(figures.false_safe),
        percent(figures.missed),
        figures.brier,
        figures.brier_of_share,
    )
}

fn data(card: &Card) -> String {
    let mut text = String::from("## Data\n\n| trace | SHA-256 |\n|---|---|\n");
    for trace in &card.traces {
        let _ = writeln!(text, "| {} | `{}` |", cell(&trace.path), trace.sha256);
    }
    if !card.select.is_empty() {
        let _ = writeln!(text, "\nOf these, functions that match {}.", card.select.join(", "));
    }
    text
}

fn limits(card: &Card) -> String {
    let mut text = String::from("## When not to use it\n\n");
    match far(card) {
        None => text += "- On traffic unlike that of the traces above.\n",
        Some(far) => {
            let _ = writeln!(
                text,
                "- On traffic unlike that of the traces above: there {} % of its decisions were on observations far from \
                 training's, and `evaluate` and `recommend` warn of more.",
                percent(far)
            );
        }
    }
    let _ = writeln!(
        text,
        "- On functions with {LEAST_TRAFFIC} request a minute or fewer: nothing is to be gained there.\n\
         - Where requests of pods, their start-up time or the metrics' delay differ much from the settings below.\n\
         - Where `hpatune evaluate` on test time cannot tell it from the tuned static HPA.\n\
         - All figures are of a simulator that approximates single requests by a fluid."
    );
    text
}

fn again(card: &Card) -> String {
    let traces: String = card.traces.iter().map(|trace| format!(" --trace {}", word(&trace.path))).collect();
    let from = card.from.as_ref().map_or_else(String::new, |it| format!(" --from {}", word(&it.path)));
    let each = if card.starts.iter().any(|it| it.own) { " --each" } else { "" };
    let select: String = card.select.iter().map(|pattern| format!(" --select {}", word(pattern))).collect();
    format!(
        "## Make it again\n\nWith {}, and the settings below as `config.toml`:\n\n```sh\nhpatune train -c config.toml{traces}\
         {select}{from}{each} -o policy\n```\n\n```toml\n{}```\n",
        card.tool, card.config
    )
}

fn name(origin: &Origin) -> String {
    format!("{} / {}", origin.trace, origin.function)
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    text.replace(char::is_control, " ").replace('|', "\\|")
}

/// A word of a POSIX shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{self, Start};
    use crate::hpa;
    use crate::rl::Settings;
    use crate::rl::policy::Source;
    use crate::rl::validation::Judged;

    fn origin(function: &str, cost: f64, flies: bool) -> Origin {
        let hpa = hpa::Settings::default();
        let judged = Judged {
            cost,
            start_cost: 0.97,
            violation_rate: 0.0123,
            start_violation_rate: 0.01,
            reference_violation_rate: 0.011,
            far: Some(0.02),
        };
        Origin {
            trace: "week".to_owned(),
            function: function.to_owned(),
            load: 1.0,
            start: Start::fixed(&hpa),
            reference: hpa,
            flies,
            own: false,
            validation: Some(judged),
        }
    }

    fn card() -> Card {
        let traces = vec![Source { path: "traces/my week.parquet".to_owned(), sha256: "ab12".to_owned() }];
        let settings = Settings::default();
        let card = Card::new(&env::Settings::default(), &settings, traces, &["a*".to_owned()], "seed = 1\n");
        let starts = vec![origin("a|1", 0.9, true), origin("a2", 1.2, false)];
        Card { starts, cost_vs_reference: Some(0.935), step: 1000, ..card }
    }

    #[test]
    fn a_card_tells_figures_losses_and_how_to_make_it_again() {
        let text = markdown(&card());
        for part in [
            "Mean cost, late requests priced: 93.5 % of the static HPA's.",
            "| week / a\\|1 | × 1 | 90.0 | 97.0 | 1.230 | 1.000 | 1.100 | 2.0 | policy |",
            "| week / a2 | × 1 | 120.0 | 97.0 | 1.230 | 1.000 | 1.100 | 2.0 | start |",
            "**Losses:** on 1 of 2 it did not beat its start, or was late too often, and the start stays as it is: week / a2.",
            "| traces/my week.parquet | `ab12` |",
            "hpatune train -c config.toml --trace 'traces/my week.parquet' --select 'a*' -o policy",
            "```toml\nseed = 1\n```",
            "2.0 % of its decisions were on observations far from training's",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
        assert!(!text.contains("costs no less than"), "the policy and the start in use both cost less");
    }

    #[test]
    fn a_card_tells_what_a_policy_remembers_and_not_how_far_it_was_where_it_does_not_know() {
        let mut starts = vec![origin("b", 0.9, true)];
        starts[0].validation = starts[0].validation.map(|it| Judged { far: None, ..it });
        let unknown = Card { starts, memory: 24, ..card() };
        let text = markdown(&unknown);
        assert!(text.contains("it remembers 24 numbers: `hpatune recommend` needs `--state`"), "{text}");
        assert!(text.contains("1.100 | – | policy |") && !text.contains("% of its decisions were"), "{text}");
        assert!(!markdown(&card()).contains("remembers"));
        assert!((most_far(&unknown) - 0.01).abs() < 1e-12 && (most_far(&card()) - 0.05).abs() < 1e-12);
    }

    #[test]
    fn a_card_tells_of_networks_of_functions_own_and_what_they_went_on_from() {
        let from = Source { path: "all/policy.safetensors".to_owned(), sha256: "cd34".to_owned() };
        let own = Origin { own: true, ..origin("b", 0.9, true) };
        let text = markdown(&Card { starts: vec![own, origin("c", 0.9, false)], from: Some(from), ..card() });
        assert!(text.contains("2.0 | its own network |") && text.contains("2.0 | start |"), "{text}");
        assert!(text.contains("--from all/policy.safetensors --each -o policy"), "{text}");
    }

    #[test]
    fn a_card_tells_what_was_simulated_before_an_algorithm_played() {
        let text = markdown(&Card { counterfactual: 4320, step: 0, ..card() });
        assert!(text.contains("of which 4320 decisions were simulated. It has learned for 0 steps of ppo"), "{text}");
        assert!(!markdown(&card()).contains("fitted"));
    }

    #[test]
    fn a_card_says_so_when_training_time_judged_the_policy() {
        let of = |config: &str| markdown(&Card { config: config.to_owned(), ..card() });
        assert!(of("[split]\nvalidation = 0.0\n").contains("## Results on the training time that it has learned on"));
        assert!(of("[split]\nvalidation = 0.1\n").contains("## Results on validation time\n"));
        assert!(of("").contains("## Results on validation time\n"));
    }

    #[test]
    fn a_policy_that_is_dearer_than_the_static_hpa_says_so() {
        let card = Card { starts: vec![origin("b", 1.01, true)], ..card() };
        assert!(markdown(&card).contains("what is in use costs no less than the static HPA on week / b"));
    }
}
