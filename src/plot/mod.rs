//! Pictures. Plotters lives here and nowhere else.
