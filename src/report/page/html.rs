//! HTML as text: escaping, sections, tables, figures, and the one style sheet.

/// Colours have a contrast of at least 4.5 to 1 on their ground.
const STYLE: &str = "\
:root{color-scheme:light}\
*{box-sizing:border-box}\
body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#222;background:#fff}\
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}\
h1{font-size:1.5rem;line-height:1.25;margin:1.5rem 0 .75rem}\
h2{font-size:1.2rem;margin:2.25rem 0 .5rem;border-top:1px solid #999;padding-top:.75rem}\
p,ul{max-width:46rem}\
nav ul{columns:14rem;padding-left:1.2rem}\
a{color:#0b5394}\
.decision{border-left:.4rem solid #222;padding:.5rem .9rem;background:#f2f2f2;font-size:1.1rem}\
.wide{overflow-x:auto;margin:.75rem 0}\
.wide:focus-visible,pre:focus-visible{outline:3px solid #0b5394}\
table{border-collapse:separate;border-spacing:0;font-size:.85rem;font-variant-numeric:tabular-nums}\
caption{text-align:left;font-weight:600;padding:.25rem 0}\
th,td{padding:.3rem .36rem;border-bottom:1px solid #ccc;text-align:left;vertical-align:top}\
thead th{border-bottom:2px solid #222;vertical-align:bottom}\
.numbers td,.numbers thead th:not(:first-child){text-align:right}\
.numbers td,.numbers tbody th{white-space:nowrap}\
.numbers thead th{min-width:5.5rem}\
tbody th,thead th:first-child{position:sticky;left:0;background:#fff}\
tbody th{font-weight:600}\
.words td{overflow-wrap:anywhere}\
figure{margin:1rem 0}\
figure svg{width:100%;min-width:52rem;height:auto;display:block}\
figcaption{font-size:.9rem;color:#444;max-width:46rem}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f2f2f2;padding:.75rem}\
@media print{.wide{overflow:visible}figure svg{min-width:0}section{break-inside:avoid-page}nav{display:none}}\
";

/// Text as it may stand between tags and in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            letter => out.push(letter),
        }
    }
    out
}

/// A whole page. `head` comes first, then a table of contents of the sections in `body`.
pub(super) fn document(title: &str, head: &str, body: &str) -> String {
    let contents: String = body
        .split("<section id=\"")
        .skip(1)
        .filter_map(|rest| {
            let (id, rest) = rest.split_once('"')?;
            let title = rest.split_once("<h2")?.1.split_once('>')?.1.split_once("</h2>")?.0;
            Some(format!("<li><a href=\"#{id}\">{title}</a></li>"))
        })
        .collect();
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n{head}\n<nav aria-label=\"Contents\"><ul>{contents}</ul></nav>\n</header>\n<main>\n\
         {body}</main>\n</body>\n</html>\n"
    )
}

/// A section with a heading.
pub(super) fn section(id: &str, title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}\n</section>\n"
    )
}

/// A list.
pub(super) fn list(lines: &[String]) -> String {
    let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
    format!("<ul>{items}</ul>\n")
}

/// What stands in the cells of a table behind the first of each row, which names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cells {
    Numbers,
    Words,
}

/// A table that scrolls by itself where it is wider than the page.
pub(super) fn table(caption: &str, head: &[&str], rows: Vec<Vec<String>>, cells: Cells) -> String {
    let class = if cells == Cells::Numbers { "numbers" } else { "words" };
    let caption = escape(caption);
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let row = |row: Vec<String>| {
        let cell = |(at, cell): (usize, String)| {
            let cell = escape(&cell);
            if at == 0 { format!("<th scope=\"row\">{cell}</th>") } else { format!("<td>{cell}</td>") }
        };
        format!("<tr>{}</tr>\n", row.into_iter().enumerate().map(cell).collect::<String>())
    };
    let body: String = rows.into_iter().map(row).collect();
    format!(
        "<div class=\"wide\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table class=\"{class}\">\
         <caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )
}

/// A picture with its text, which names it for those who do not see it.
pub(super) fn figure(index: usize, svg: &str, text: &str) -> String {
    let text = escape(text);
    let svg = svg.trim_end().replacen("<svg ", &format!("<svg role=\"img\" aria-labelledby=\"picture-{index}\" "), 1);
    format!(
        "<figure><div class=\"wide\" role=\"region\" aria-label=\"Picture {}\" tabindex=\"0\">{svg}</div>\
         <figcaption id=\"picture-{index}\">{text}</figcaption></figure>\n",
        index + 1
    )
}
