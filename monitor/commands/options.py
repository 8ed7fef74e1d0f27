"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        "-b",
        help="Kafka brokers, host:port[,host:port]. [default: $CLAIMS_MONITOR_BOOTSTRAP_SERVERS, else localhost:9092]",
        show_default=False,
    ),
]
KafkaConfig = Annotated[
    Path | None,
    typer.Option(
        "--kafka-config",
        "-F",
        help="TLS and SASL settings: TOML or .properties with Kafka's names (security.protocol, sasl.mechanism ...); "
        "values may be ${env:NAME} or ${file:PATH}.",
        show_default=False,
    ),
]
Prefix = Annotated[str, typer.Option("--prefix", help="Put before every topic name.", show_default=False)]
Group = Annotated[
    str, typer.Option("--group", help="Workers of one group share the partitions; it also names the internal topics.")
]
Data = Annotated[Path, typer.Option("--data", help="Folder for local state.")]
Terms = Annotated[
    Path | None,
    typer.Option("--terms", help="Terms file, or folder of versions. [default: built in]", show_default=False),
]
ModelFile = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Model file or folder, made by `train`; holds where the registry names none.",
        show_default=False,
    ),
]
