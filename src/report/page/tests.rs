use super::*;
use crate::report::evaluation::tests::{exactly, summary};

fn results() -> Results {
    Results {
        policies: Vec::new(),
        natures: Vec::new(),
        tasks: 0,
        seeds: Vec::new(),
        rows: Vec::new(),
        fluid: Vec::new(),
        found: Vec::new(),
        statics: Vec::new(),
        bounds: Vec::new(),
    }
}

fn page(results: &Results) -> Page<'_> {
    Page {
        decision: "Keep <it>.",
        verdict: "a & b",
        summaries: &[],
        policies: &[],
        seen: &[],
        results,
        rival: None,
        hours: 12.0,
        levels: ("requests", "fluid"),
        allowed: 0.01,
        priced_starts: false,
        robustness: &[],
        gates: &[],
        budgets: &[],
        pictures: Vec::new(),
        origin: Origin { tool: "hpatune 1", command: "hpatune evaluate --trace 'a b'", config_hash: "0f", files: &[] },
    }
}

#[test]
fn the_page_says_who_saw_the_test_time() {
    let results = results();
    let unseen = "Neither search nor learning saw it, as far as";
    assert!(page(&results).html().contains(unseen));
    let seen = [("policy".to_owned(), "web".to_owned())];
    let text = Page { seen: &seen, priced_starts: true, ..page(&results) }.html();
    assert!(text.contains("learning saw part of it: policy on web.") && !text.contains(unseen));
    assert!(text.contains("late or lost requests and of pod starts: what"));
}

#[test]
fn the_page_stands_alone_and_escapes_names() {
    let svg = "<svg width=\"12\" height=\"8\" viewBox=\"0 0 12 8\" xmlns=\"http://www.w3.org/2000/svg\"></svg>\n";
    let text = Page {
        policies: &[("<script>".to_owned(), "what \"it\" is".to_owned())],
        pictures: vec![Picture { place: Place::Front, svg: svg.to_owned(), text: "a <picture>".to_owned() }],
        ..page(&results())
    }
    .html();
    assert!(text.starts_with("<!doctype html>\n<html lang=\"en\">"));
    assert!(text.contains("Keep &lt;it&gt;.") && text.contains("a &amp; b") && text.contains("&lt;script&gt;"));
    assert!(text.contains("role=\"img\"") && text.contains("a &lt;picture&gt;"));
    for outside in ["<script", "src=", "href=\"http", "url(", "@import", "<link"] {
        assert!(!text.contains(outside), "{outside}");
    }
    for paired in ["section", "table", "figure", "tr", "main"] {
        let count = |tag: String| text.matches(&tag).count();
        let opened = count(format!("<{paired}>")) + count(format!("<{paired} "));
        assert_eq!(opened, count(format!("</{paired}>")), "{paired}");
    }
}

#[test]
fn the_page_says_how_policies_decide_where_one_was_learned() {
    let results = results();
    let plain = summary("tuned", 10.0, 0.01, exactly(1.0));
    let mut learned = summary("policy", 9.0, 0.01, exactly(0.9));
    let figures = [("control.entropy", -0.5), ("control.overridden_pct", 12.25)];
    learned.figures.extend(figures.map(|(key, mean)| (key.to_owned(), exactly(mean))));
    let html = |summaries: &[Summary]| Page { summaries, ..page(&results) }.html();
    let text = html(&[plain.clone(), learned]);
    let cells = "<td>-0.50 [-0.50, -0.50]</td><td>–</td><td>12.2 [12.2, 12.2]</td><td>–</td>";
    assert!(text.contains(&format!("<tr><th scope=\"row\">policy</th>{cells}</tr>")), "{text}");
    assert!(text.contains("<a href=\"#deciding\">How policies decide</a>"));
    assert!(!html(&[plain]).contains("How policies decide"));
}
