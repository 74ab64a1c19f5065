"""Write the rows of the tables that analyses need, as the controller resolved them."""

from transferscope.job import logged
from transferscope.results.resolved import write_study

if __name__ == "__main__":
    with logged(snakemake):
        write_study(snakemake.output[0], snakemake.params.rows)
