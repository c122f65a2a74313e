# What scripts that learn on or judge by public recorded traces share; they source it. `traces` is the directory of the
# downloads, `hpatune` the program.

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# ingest NAME INPUT... OPTION...: NAME.parquet in the present directory, as all of these.
ingest() { "$hpatune" ingest -q "${@:2}" -o "$1.parquet"; }

# pool NUMBER OPTION...: the CPU and memory of a capacity pool.
pool() {
    ingest "pool$1" "$traces/cloud_cluster_capacity_2024/cluster$1"/cluster*.csv.gz --no-header \
        --map function=1 --map t=2 --map cpu=4:cores --map memory=5:GiB "${@:2}"
}

# web NAME FILE OPTION...: requests of a website a minute.
web() { ingest "$1" "$traces/web_requests/$2" --map t=minute --map requests=count --missing zero "${@:3}"; }

# nab NAME FILE OPTION...: a column of values every five minutes, taken as requests.
nab() { ingest "$1" "$traces/$2" --interval 5m --map t=timestamp --map requests=value "${@:3}"; }

# The ten traces of README's tables, by name, and as arguments.
ten=(pool{4,6,9,19,20,28} worldcup nasa huawei{28,4})
traced=()
for name in "${ten[@]}"; do traced+=(--trace "$name.parquet"); done

# ingest_ten OPTION...: the ten, those of weeks with these options.
ingest_ten() {
    local number
    for number in 4 6 9 19 20 28; do pool "$number" --interval 30s "$@"; done
    web nasa nasa_http_1995/nasa_requests_per_minute.csv.gz "$@"
    # Load grows tenfold behind these.
    web worldcup worldcup_1998/worldcup98_requests_per_minute.csv.gz --skip 35d --keep 16d
    ingest huawei28 "$traces"/huawei_2023/private_dataset/requests_minute/*.csv --select 28
    ingest huawei4 "$traces"/huawei_2023/public_dataset/requests_minute/*.csv
}
