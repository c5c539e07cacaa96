"""Power BI projects, made of a One Big Table's contract."""
